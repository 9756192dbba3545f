import { z } from 'zod';
import { registry2Keys } from './registry2.ts';
import { dockerHubUpstream, parseRemoteUrl } from './remote-url.ts';
import { boolean, duration, headers, listenAddress, oneOf, tagGlob, text } from './scalars.ts';

/** What timers can hold. */
const longestTimerMs = 24 * 24 * 3_600_000;

const level = oneOf(['error', 'warn', 'info', 'debug', 'trace']);

const timeout = duration(1, longestTimerMs);

const remoteurl = text.transform((value, context) => {
  const remote = parseRemoteUrl(value);
  if (!('problem' in remote)) return remote;
  context.issues.push({ code: 'custom', message: remote.problem, input: undefined });
  return z.NEVER;
});

/** The keys that Entrepot acts on. Credentials are read elsewhere: here they only have to be texts. */
export const fileSchema = z.strictObject({
  version: text.optional(),
  log: z
    .strictObject({
      level: level.optional(),
      formatter: oneOf(['text', 'json', 'logstash']).default('text'),
      fields: z.record(z.string(), text.optional()).default({}),
    })
    .prefault({}),
  loglevel: level.optional(),
  storage: z
    .strictObject({
      filesystem: z.strictObject({ rootdirectory: text.default('./data') }).prefault({}),
      delete: z.strictObject({ enabled: boolean.default(false) }).prefault({}),
    })
    .prefault({}),
  http: z
    .strictObject({
      addr: listenAddress.default({ host: undefined, port: 5000 }),
      headers: headers.default({}),
      // Docker kills a container 10 s after asking it to stop: whoever sets nothing still gets a clean end.
      draintimeout: duration(0, longestTimerMs).default(8_000),
      tls: z
        .strictObject({
          certificate: text.optional(),
          key: text.optional(),
          clientcas: z.array(text).default([]),
          minimumtls: oneOf(['tls1.0', 'tls1.1', 'tls1.2', 'tls1.3']).default('tls1.2'),
        })
        .optional(),
    })
    .prefault({}),
  proxy: z
    .strictObject({
      remoteurl: remoteurl.default(dockerHubUpstream),
      username: text.optional(),
      usernamefile: text.optional(),
      password: text.optional(),
      passwordfile: text.optional(),
      ttl: duration(0).default(168 * 3_600_000),
      freshness: z
        .strictObject({
          default: duration(0).default(60_000),
          gone: oneOf(['keep', 'drop']).default('keep'),
          rules: z.array(z.strictObject({ match: tagGlob, maxage: duration(0) })).default([]),
        })
        .prefault({}),
      timeouts: z
        .strictObject({
          connect: timeout.default(5_000),
          header: timeout.default(15_000),
          idle: timeout.default(30_000),
        })
        .prefault({}),
    })
    .prefault({}),
});

export type FileValues = z.output<typeof fileSchema>;

/** Every key there is, registry:2's included, as `http.tls.key`; lists count as their elements. */
export const knownKeys: readonly string[] = [...keysOf(fileSchema, ''), ...registry2Keys];

function keysOf(schema: unknown, prefix: string): string[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, child]) => [
      prefix + key,
      ...keysOf(child, `${prefix}${key}.`),
    ]);
  }
  if (schema instanceof z.ZodArray) return keysOf(schema.element, prefix);
  const wrapped =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return wrapped ? keysOf(schema.unwrap(), prefix) : [];
}
