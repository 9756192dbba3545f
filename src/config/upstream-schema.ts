import { isIP } from 'node:net';
import { z } from '../base/zod.ts';
import { tagPattern } from './globs.ts';
import { parseRegistryUrl } from './registry-url.ts';
import { byteSize } from './sizes.ts';
import {
  boolean,
  duration,
  listenAddress,
  oneOf,
  oneOrMore,
  refuse,
  shown,
  text,
  wholeNumber,
} from './scalars.ts';

export const registryUrl = text.transform((value, ctx) => {
  const parsed = parseRegistryUrl(value);
  return 'problem' in parsed ? refuse(ctx, parsed.problem) : parsed;
});

/** A name of this mirror, as a `Host` header has it, without the port. */
const hostName = text.transform((value, ctx): string => {
  const name = value.toLowerCase();
  if (/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name)) return name;
  const bare = /^(?:https?:\/\/)?([a-z0-9][a-z0-9.-]*)(?::[0-9]+)?\/?$/.exec(name)?.[1];
  return refuse(
    ctx,
    `${shown(value)} is not a host name${bare === undefined ? '' : `, did you mean ${bare}?`}`,
  );
});

/** A host to which an upstream may redirect, with or without a port. */
const redirectHost = text.transform((value, ctx): string => {
  const name = value.toLowerCase();
  const bare = name.replace(/:[0-9]{1,5}$/, '');
  if (/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(bare)) return name;
  if (/^\[.*\]$/.test(bare) && isIP(bare.slice(1, -1)) === 6) return name;
  return refuse(ctx, `${shown(value)} is not a host, such as storage.lan or 10.0.0.7:9000`);
});

const tagRules = z.array(z.strictObject({ match: tagPattern, maxage: duration(0) }));

const gone = oneOf(['keep', 'drop']);

/** For upstreams that say nothing else. */
export const freshnessSchema = z.strictObject({
  default: duration(0).default(60_000),
  gone: gone.default('keep'),
  rules: tagRules.default([]),
});

/** More at a time would only wait for connections. */
const parallelBlobs = wholeNumber(1, 64);

/** For upstreams that say nothing else. */
export const pullAheadSchema = z.strictObject({
  enabled: boolean.default(true),
  parallel: parallelBlobs.default(6),
});

const rangeConnections = wholeNumber(1, 64);

/** For upstreams that say nothing else. */
export const rangesSchema = z.strictObject({
  connections: rangeConnections.default(8),
  minsize: byteSize.default(16 * 2 ** 20),
});

/** Where an account comes from; which keys go together is checked when they are read. */
export const accountKeys = {
  username: text.optional(),
  usernamefile: text.optional(),
  password: text.optional(),
  passwordfile: text.optional(),
};

export const upstreamSchema = z.strictObject({
  url: oneOrMore(registryUrl).optional(),
  ...accountKeys,
  credentials: text.optional(),
  ca: oneOrMore(text).optional(),
  insecure: boolean.default(false),
  proxy: text.optional(),
  redirects: oneOrMore(redirectHost).default([]),
  freshness: z
    .strictObject({ default: duration(0).optional(), gone: gone.optional(), rules: tagRules.optional() })
    .default({}),
  pullahead: z.strictObject({ enabled: boolean.optional(), parallel: parallelBlobs.optional() }).default({}),
  ranges: z
    .strictObject({ connections: rangeConnections.optional(), minsize: byteSize.optional() })
    .default({}),
  hosts: oneOrMore(hostName).default([]),
  listen: listenAddress.optional(),
  quota: byteSize.optional(),
});

/** What the file says of one upstream. */
export type GivenUpstream = z.output<typeof upstreamSchema>;
