import { z } from '../base/zod.ts';
import type { Timeouts } from '../upstream/transport.ts';
import { accessSchema, authSchema } from './access-schema.ts';
import { cipherList, cipherSuites, suitesOf } from './ciphers.ts';
import { headers } from './header-schema.ts';
import { registry2Keys } from './registry2.ts';
import {
  boolean,
  duration,
  listenAddress,
  oneOf,
  oneOrMore,
  scalar,
  section,
  text,
  wholeNumber,
} from './scalars.ts';
import type { Immutable } from './freeze.ts';
import { pinPattern, quotaPattern } from './globs.ts';
import { byteRate, byteSize, sizeLimit } from './sizes.ts';
import {
  accountKeys,
  parentMirrorSchema,
  registryUrl,
  treatmentKeys,
  upstreamSchema,
} from './upstream-schema.ts';
import { warmSchema } from './warm-schema.ts';

/** What timers can hold. */
const longestTimerMs = 24 * 24 * 3_600_000;

const level = oneOf(['error', 'warn', 'info', 'debug', 'trace']);

const timeout = duration(1, longestTimerMs);

/** Entries in one answer: more would be no page. */
const entries = wholeNumber(1, 1_000_000);

/** A key with nothing after it is an empty text. */
const fieldValue = z.codec(text.optional(), z.string(), {
  decode: (value) => value ?? '',
  encode: (value) => value,
});

/** Older versions are broken, and no client of registries needs them: asking for them gives TLS 1.2. */
const minimumTls = z.codec(oneOf(['tls1.0', 'tls1.1', 'tls1.2', 'tls1.3']), z.enum(['TLSv1.2', 'TLSv1.3']), {
  decode: (version) => (version === 'tls1.3' ? 'TLSv1.3' : 'TLSv1.2'),
  encode: (version) => (version === 'TLSv1.3' ? 'tls1.3' : 'tls1.2'),
});

/** By their names in Go; inside as OpenSSL and Node list them, those of TLS 1.3 included. */
const ciphers = z.codec(z.array(cipherSuite()), z.string(), {
  decode: cipherList,
  encode: (list) => [...suitesOf(list)],
});

/** The keys that Entrepot acts on. What only makes sense together with other keys is checked elsewhere. */
export const fileSchema = z.strictObject({
  version: text.optional(),
  log: z
    .strictObject({
      level: level.optional(),
      formatter: oneOf(['text', 'json', 'logstash']).default('text'),
      fields: z.record(z.string(), fieldValue).default({}),
    })
    .prefault({}),
  loglevel: level.optional(),
  /** No upstream is asked; changed at run time by `entrepot offline`. */
  offline: boolean.default(false),
  storage: section(
    {
      filesystem: z.strictObject({ rootdirectory: text.default('./data') }).prefault({}),
      delete: z.strictObject({ enabled: boolean.default(false) }).prefault({}),
      /** What everything that is cached may take; undefined for whatever `minfree` leaves. */
      maxsize: sizeLimit('maxsize').optional(),
      /** What stays free on the disk. */
      minfree: sizeLimit('minfree').default({ percent: 10 }),
      /** In how long everything is hashed once; 0 for never. */
      scrub: duration(0).default(720 * 3_600_000),
      quotas: z.array(z.strictObject({ match: quotaPattern, size: byteSize })).default([]),
    },
    ({ filesystem, delete: { enabled }, maxsize, scrub, ...rest }) => ({
      ...rest,
      maxsize,
      rootdirectory: filesystem.rootdirectory,
      deleteEnabled: enabled,
      scrubMs: scrub,
    }),
    ({ rootdirectory, deleteEnabled, scrubMs, ...rest }) => ({
      ...rest,
      filesystem: { rootdirectory },
      delete: { enabled: deleteEnabled },
      scrub: scrubMs,
    }),
  ).prefault({}),
  http: section(
    {
      addr: listenAddress.default({ host: undefined, port: 5000 }),
      /** An address without logins beside `addr`, where clients log in. */
      public: z.strictObject({ addr: listenAddress }).optional(),
      /** Sent with every response, by name as configured. */
      headers: headers.default({}),
      /**
       * How long requests under way may go on after a stop signal; 0 cuts them at once. Docker kills a
       * container after 10 s: the default ends cleanly before.
       */
      draintimeout: duration(0, longestTimerMs).default(8_000),
      tls: z
        .strictObject({
          certificate: text.optional(),
          key: text.optional(),
          /** When there are any, clients must show a certificate that one of them signed. */
          clientcas: z.array(text).default([]),
          minimumtls: minimumTls.default('TLSv1.2'),
          /** Undefined for Node's own choice. */
          ciphersuites: ciphers.optional(),
        })
        .optional(),
    },
    ({ public: open, draintimeout, ...rest }) => ({
      ...rest,
      publicAddr: open?.addr,
      draintimeoutMs: draintimeout,
    }),
    ({ publicAddr, draintimeoutMs, ...rest }) => ({
      ...rest,
      public: publicAddr && { addr: publicAddr },
      draintimeout: draintimeoutMs,
    }),
  ).prefault({}),
  proxy: z
    .strictObject({
      remoteurl: registryUrl.optional(),
      mirror: parentMirrorSchema.optional(),
      ...accountKeys,
      exec: z.strictObject({ command: text, lifetime: duration(0).optional() }).optional(),
      ttl: duration(0).default(168 * 3_600_000),
      /** What is taken from all upstreams together, in bytes a second; undefined for no limit. */
      maxrate: byteRate.optional(),
      ...treatmentKeys,
      timeouts: section(
        {
          connect: timeout.default(5_000),
          header: timeout.default(15_000),
          idle: timeout.default(30_000),
        },
        ({ connect, header, idle }): Timeouts => ({ connectMs: connect, headerMs: header, idleMs: idle }),
        ({ connectMs, headerMs, idleMs }) => ({ connect: connectMs, header: headerMs, idle: idleMs }),
      ).prefault({}),
    })
    .prefault({}),
  pin: oneOrMore(pinPattern).default([]),
  warm: warmSchema.optional(),
  upstreams: z.record(z.string(), upstreamSchema.optional()).optional(),
  auth: authSchema.optional(),
  access: accessSchema.prefault({}),
  catalog: z.strictObject({ maxentries: entries.default(1000) }).prefault({}),
  tags: z.strictObject({ maxtags: entries.optional() }).prefault({}),
});

export type FileValues = Immutable<z.output<typeof fileSchema>>;

/** Stands in {@link knownKeys} for a key that the operator chooses. */
export const anyKey = 'HOST';

/** Every key there is, registry:2's included, as `http.tls.key`; lists count as their elements. */
export const knownKeys: readonly string[] = [...keysOf(fileSchema, ''), ...registry2Keys];

function cipherSuite() {
  return scalar((value, ctx): string => {
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
