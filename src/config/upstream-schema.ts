import { isIP } from 'node:net';
import { z } from '../base/zod.ts';
import type { PullAheadPolicy } from '../mirror/pull-ahead/policy.ts';
import type { RangePolicy } from '../mirror/fill/ranges/policy.ts';
import type { FreshnessPolicy, FreshnessRule } from '../mirror/manifests/freshness.ts';
import type { Immutable } from './freeze.ts';
import { tagPattern } from './globs.ts';
import { parseRegistryUrl, type RegistryUrl } from './registry-url.ts';
import { byteRate, byteSize } from './sizes.ts';
import {
  boolean,
  duration,
  listenAddress,
  oneOf,
  oneOrMore,
  refuse,
  scalar,
  section,
  shown,
  text,
  wholeNumber,
} from './scalars.ts';

export const registryUrl = scalar(
  (value, ctx): RegistryUrl => {
    const parsed = parseRegistryUrl(value);
    return 'problem' in parsed ? refuse(ctx, parsed.problem) : parsed;
  },
  ({ url }) => url.origin,
);

/** A name of this mirror, as a `Host` header has it, without the port. */
const hostName = scalar((value, ctx): string => {
  const name = value.toLowerCase();
  if (/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name)) return name;
  const bare = /^(?:https?:\/\/)?([a-z0-9][a-z0-9.-]*)(?::[0-9]+)?\/?$/.exec(name)?.[1];
  return refuse(
    ctx,
    `${shown(value)} is not a host name${bare === undefined ? '' : `, did you mean ${bare}?`}`,
  );
});

/** A host to which an upstream may redirect, with or without a port. */
const redirectHost = scalar((value, ctx): string => {
  const name = value.toLowerCase();
  const bare = name.replace(/:[0-9]{1,5}$/, '');
  if (/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(bare)) return name;
  if (/^\[.*\]$/.test(bare) && isIP(bare.slice(1, -1)) === 6) return name;
  return refuse(ctx, `${shown(value)} is not a host, such as storage.lan or 10.0.0.7:9000`);
});

/** Some settings of all. */
type Given<Policy> = { readonly [Key in keyof Policy]?: Policy[Key] | undefined };

const freshnessRule = section(
  { match: tagPattern, maxage: duration(0) },
  ({ match, maxage }): FreshnessRule => ({ match, maxAgeMs: maxage }),
  ({ match, maxAgeMs }) => ({ match, maxage: maxAgeMs }),
);

/** How an upstream is treated. Falls back to `proxy`, then to {@link defaultTreatment}. */
export const treatmentKeys = {
  freshness: section(
    {
      default: duration(0).optional(),
      gone: oneOf(['keep', 'drop']).optional(),
      rules: z.array(freshnessRule).optional(),
    },
    ({ default: tagMs, gone, rules }): Given<FreshnessPolicy> => ({ tagMs, gone, rules }),
    ({ tagMs, gone, rules }) => ({ default: tagMs, gone, rules: rules && [...rules] }),
  ).prefault({}),
  pullahead: z
    // More at a time would only wait for connections.
    .strictObject({ enabled: boolean.optional(), parallel: wholeNumber(1, 64).optional() })
    .prefault({}),
  ranges: section(
    { connections: wholeNumber(1, 64).optional(), minsize: byteSize.optional() },
    ({ connections, minsize }): Given<RangePolicy> => ({ connections, minBytes: minsize }),
    ({ connections, minBytes }) => ({ connections, minsize: minBytes }),
  ).prefault({}),
};

/** For upstreams and a `proxy` section that say nothing else. */
export const defaultTreatment = {
  freshness: { tagMs: 60_000, gone: 'keep', rules: [] } satisfies FreshnessPolicy,
  pullahead: { enabled: true, parallel: 6 } satisfies PullAheadPolicy,
  ranges: { connections: 8, minBytes: 16 * 2 ** 20 } satisfies RangePolicy,
};

/** Where an account comes from; which keys go together is checked when they are read. */
export const accountKeys = {
  username: text.optional(),
  usernamefile: text.optional(),
  password: text.optional(),
  passwordfile: text.optional(),
};

/** How a registry is asked, wherever it is. */
const clientKeys = {
  ...accountKeys,
  credentials: text.optional(),
  ca: oneOrMore(text).optional(),
  insecure: boolean.default(false),
};

/** Another mirror, through which upstreams are asked; its URL alone will do. */
export const parentMirrorSchema = z.codec(z.unknown(), z.strictObject({ url: registryUrl, ...clientKeys }), {
  // What is neither is refused by the section.
  decode: (value) => (typeof value === 'string' ? { url: value } : value) as { url: string },
  encode: (mirror) => mirror,
});

export const upstreamSchema = z.strictObject({
  url: oneOrMore(registryUrl).optional(),
  ...clientKeys,
  proxy: text.optional(),
  redirects: oneOrMore(redirectHost).default([]),
  ...treatmentKeys,
  hosts: oneOrMore(hostName).default([]),
  listen: listenAddress.optional(),
  quota: byteSize.optional(),
  maxrate: byteRate.optional(),
});

/** What the file says of one upstream. */
export type GivenUpstream = Immutable<z.output<typeof upstreamSchema>>;
