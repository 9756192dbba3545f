import { z } from '../base/zod.ts';
import { accessSchema, authSchema } from './access-schema.ts';
import { cipherSuites } from './ciphers.ts';
import { headers } from './header-schema.ts';
import { registry2Keys } from './registry2.ts';
import { boolean, duration, listenAddress, oneOf, oneOrMore, text, wholeNumber } from './scalars.ts';
import { pinPattern, quotaPattern } from './globs.ts';
import { byteSize, sizeLimit } from './sizes.ts';
import {
  accountKeys,
  freshnessSchema,
  pullAheadSchema,
  rangesSchema,
  registryUrl,
  upstreamSchema,
} from './upstream-schema.ts';

/** What timers can hold. */
const longestTimerMs = 24 * 24 * 3_600_000;

const level = oneOf(['error', 'warn', 'info', 'debug', 'trace']);

const timeout = duration(1, longestTimerMs);

/** Entries in one answer: more would be no page. */
const entries = wholeNumber(1, 1_000_000);

/** The keys that Entrepot acts on. What only makes sense together with other keys is checked elsewhere. */
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
      maxsize: sizeLimit('maxsize').optional(),
      minfree: sizeLimit('minfree').default({ percent: 10 }),
      scrub: duration(0).default(720 * 3_600_000),
      quotas: z.array(z.strictObject({ match: quotaPattern, size: byteSize })).default([]),
    })
    .prefault({}),
  http: z
    .strictObject({
      addr: listenAddress.default({ host: undefined, port: 5000 }),
      public: z.strictObject({ addr: listenAddress }).optional(),
      headers: headers.default({}),
      // Docker kills a container 10 s after asking it to stop: whoever sets nothing still gets a clean end.
      draintimeout: duration(0, longestTimerMs).default(8_000),
      tls: z
        .strictObject({
          certificate: text.optional(),
          key: text.optional(),
          clientcas: z.array(text).default([]),
          minimumtls: oneOf(['tls1.0', 'tls1.1', 'tls1.2', 'tls1.3']).default('tls1.2'),
          ciphersuites: z.array(cipherSuite()).optional(),
        })
        .optional(),
    })
    .prefault({}),
  proxy: z
    .strictObject({
      remoteurl: registryUrl.optional(),
      ...accountKeys,
      exec: z.strictObject({ command: text, lifetime: duration(0).optional() }).optional(),
      ttl: duration(0).default(168 * 3_600_000),
      freshness: freshnessSchema.prefault({}),
      pullahead: pullAheadSchema.prefault({}),
      ranges: rangesSchema.prefault({}),
      timeouts: z
        .strictObject({
          connect: timeout.default(5_000),
          header: timeout.default(15_000),
          idle: timeout.default(30_000),
        })
        .prefault({}),
    })
    .prefault({}),
  pin: oneOrMore(pinPattern).default([]),
  upstreams: z.record(z.string(), upstreamSchema.optional()).optional(),
  auth: authSchema.optional(),
  access: accessSchema.prefault({}),
  catalog: z.strictObject({ maxentries: entries.default(1000) }).prefault({}),
  tags: z.strictObject({ maxtags: entries.optional() }).prefault({}),
});

export type FileValues = z.output<typeof fileSchema>;

/** Stands in {@link knownKeys} for a key that the operator chooses. */
export const anyKey = 'HOST';

/** Every key there is, registry:2's included, as `http.tls.key`; lists count as their elements. */
export const knownKeys: readonly string[] = [...keysOf(fileSchema, ''), ...registry2Keys];

function cipherSuite() {
  return text.transform((value, ctx): string => {
    const name = value.toUpperCase();
    if (cipherSuites.includes(name)) return name;
    const message = /RC4|3DES/.test(name)
      ? 'is broken and not offered'
      : 'is not a cipher suite by its name in Go, such as TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384';
    ctx.issues.push({ code: 'custom', message, input: value });
    return z.NEVER;
  });
}

function keysOf(schema: unknown, prefix: string): string[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, child]) => [
      prefix + key,
      ...keysOf(child, `${prefix}${key}.`),
    ]);
  }
  if (schema instanceof z.ZodArray) return keysOf(schema.element, prefix);
  if (schema instanceof z.ZodRecord) {
    const keys = keysOf(schema.valueType, `${prefix}${anyKey}.`);
    return keys.length === 0 ? [] : [`${prefix}${anyKey}`, ...keys];
  }
  if (schema instanceof z.ZodPipe) return [...keysOf(schema.in, prefix), ...keysOf(schema.out, prefix)];
  const wrapped =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return wrapped ? keysOf(schema.unwrap(), prefix) : [];
}
