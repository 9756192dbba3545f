import { dockerHub } from '../oci/docker-hub.ts';
import { publicRegistries } from '../oci/public-registries.ts';
import type { PullAheadPolicy } from '../mirror/pull-ahead/policy.ts';
import type { RangePolicy } from '../mirror/fill/ranges/policy.ts';
import type { FreshnessPolicy } from '../mirror/manifests/freshness.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { ProxySettings } from '../upstream/proxy-settings.ts';
import { accountKey, readAccount } from './account.ts';
import { readAuthorities } from './authorities.ts';
import { checkBindings } from './bindings.ts';
import type { UpstreamConfig } from './config.ts';
import { environmentProxies, readProxy } from './proxies.ts';
import { isAskedItself, readParentMirror } from './parent-mirror.ts';
import { defaultUrl, parseRegistryName } from './registry-url.ts';
import type { FileValues } from './schema.ts';
import type { LoadContext } from './load-context.ts';
import { pathText, type Path } from './tree.ts';
import { defaultTreatment, upstreamSchema, type GivenUpstream } from './upstream-schema.ts';

export interface Upstreams {
  readonly upstreams: readonly UpstreamConfig[];
  readonly plain: UpstreamName | undefined;
  /** Whether the configuration names no upstream, so that these are the well-known public registries. */
  readonly usual: boolean;
}

/** An upstream as it is named in the file, if it is. */
interface Named {
  readonly name: UpstreamName;
  readonly path: Path;
  readonly given: GivenUpstream;
}

const nothing: GivenUpstream = upstreamSchema.parse({});

/** Merges `proxy` and `upstreams`, the plain one first. The result counts only if there are no problems. */
export function readUpstreams(
  { proxy, upstreams: given, http }: FileValues,
  context: LoadContext,
): Upstreams {
  const named = readNames(given ?? {}, context);
  const usual = proxy.remoteurl === undefined && (given === undefined || isPiecemeal(context));
  if (usual) {
    for (const name of publicRegistries) {
      if (!named.some((one) => one.name === name)) named.push({ name, path: [], given: nothing });
    }
  }
  const plain = plainOf(proxy, named, usual);
  const section = named.find(({ name }) => name === plain);
  if (plain !== undefined && section === undefined) named.push({ name: plain, path: [], given: nothing });

  const settings: Settings = {
    treatment: treatmentOf(defaultTreatment, proxy),
    proxies: environmentProxies(context),
    account: placeAccount(proxy, section, proxy.remoteurl !== undefined || usual, context),
    mirror: readParentMirror(proxy, context),
  };
  const upstreams = named
    .map((one) => readUpstream(one, one.name === plain ? proxy : undefined, settings, context))
    .toSorted((one, other) => Number(other.name === plain) - Number(one.name === plain));
  checkReach(named, plain, context);
  checkBindings(named, http, context);
  return { upstreams, plain, usual };
}

interface Treatment {
  readonly freshness: FreshnessPolicy;
  readonly pullahead: PullAheadPolicy;
  readonly ranges: RangePolicy;
}

interface Settings {
  /** For upstreams that say nothing else. */
  readonly treatment: Treatment;
  readonly proxies: ProxySettings | undefined;
  /** Whether the account under `proxy` is the plain upstream's. */
  readonly account: boolean;
  readonly mirror: ReturnType<typeof readParentMirror>;
}

function readNames(given: NonNullable<FileValues['upstreams']>, context: LoadContext): Named[] {
  const named: Named[] = [];
  for (const [key, value] of Object.entries(given)) {
    const path = ['upstreams', key];
    const parsed = parseRegistryName(key);
    if ('problem' in parsed) {
      context.problems.add(path, parsed.problem);
      continue;
    }
    const twin = named.find(({ name }) => name === parsed.name);
    if (twin === undefined) named.push({ name: parsed.name, path, given: value ?? nothing });
    else context.problems.add(path, `is the same registry as ${pathText(twin.path)}; keep one of them`);
  }
  return named;
}

/** Whether only variables for single upstreams are set: they add to the public registries. */
function isPiecemeal({ tree }: LoadContext): boolean {
  const origin = tree.origin(['upstreams']);
  return (
    origin !== undefined && 'variable' in origin && origin.variable.toUpperCase() !== 'REGISTRY_UPSTREAMS'
  );
}

function plainOf(
  { remoteurl }: FileValues['proxy'],
  named: readonly Named[],
  usual: boolean,
): UpstreamName | undefined {
  if (remoteurl !== undefined) {
    const same =
      named.find(({ name }) => name === remoteurl.name) ??
      named.find(({ given }) => given.url?.some(({ url }) => url.href === remoteurl.url.href) === true);
    return same?.name ?? remoteurl.name;
  }
  if (usual || named.some(({ name }) => name === dockerHub)) return dockerHub;
  return named.length === 1 ? named[0]?.name : undefined;
}

function placeAccount(
  proxy: FileValues['proxy'],
  section: Named | undefined,
  hasPlace: boolean,
  { problems }: LoadContext,
): boolean {
  const key = accountKey(proxy);
  if (key === undefined) return false;
  const own = section === undefined ? undefined : accountKey(section.given);
  if (section !== undefined && own !== undefined) {
    problems.add([...section.path, own], `proxy.${key} is set too, for the same registry; keep one of them`);
  } else if (!hasPlace) {
    problems.add(
      ['proxy', key],
      'there is no proxy.remoteurl that it belongs to; put it under upstreams.HOST',
    );
  }
  return true;
}

function readUpstream(
  { name, path, given }: Named,
  proxy: FileValues['proxy'] | undefined,
  settings: Settings,
  context: LoadContext,
): UpstreamConfig {
  const [url, ...more] = given.url?.map((one) => one.url) ?? [];
  const { freshness, pullahead, ranges } = treatmentOf(settings.treatment, given);
  const remote = proxy?.remoteurl?.name === name ? proxy.remoteurl.url : undefined;
  const mirror = isAskedItself(given) ? undefined : settings.mirror;
  return {
    name,
    urls: url === undefined ? [remote ?? defaultUrl(name)] : [url, ...more],
    credentials:
      proxy !== undefined && settings.account
        ? readAccount(proxy, ['proxy'], context)
        : readAccount(given, path, context),
    ca: readAuthorities(given.ca, [...path, 'ca'], context),
    insecure: given.insecure,
    ...mirror,
    throughMirror: mirror !== undefined,
    proxy: given.proxy === undefined ? settings.proxies : readProxy(given.proxy, [...path, 'proxy'], context),
    redirects: given.redirects,
    freshness,
    pullAhead: pullahead,
    ranges,
    maxRate: given.maxrate,
    hosts: given.hosts,
    listen: given.listen,
  };
}

/** What a section says of how an upstream is treated, over what the one around it says. */
function treatmentOf(
  around: Treatment,
  { freshness, pullahead, ranges }: Pick<GivenUpstream, keyof Treatment>,
): Treatment {
  return {
    freshness: over(around.freshness, freshness),
    pullahead: over(around.pullahead, pullahead),
    ranges: over(around.ranges, ranges),
  };
}

function over<Policy extends object>(around: Policy, given: object): Policy {
  return {
    ...around,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}

/** Docker takes the first part of an image's name for a registry only if it looks like a host. */
function checkReach(
  named: readonly Named[],
  plain: UpstreamName | undefined,
  { problems }: LoadContext,
): void {
  for (const { name, path, given } of named) {
    if (/[.:]/.test(name) || name === 'localhost' || name === plain) continue;
    if (given.hosts.length > 0 || given.listen !== undefined) continue;
    problems.add(
      path,
      'clients cannot name it: a host has a dot or a port; give it a full name, or hosts, or listen',
    );
  }
}
