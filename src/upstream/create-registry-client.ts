import type { LookupFunction } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Hops } from '../base/hops.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Logger } from '../telemetry/log.ts';
import { AddressGuard } from './address-guard.ts';
import type { Authorities } from './authorities.ts';
import { AuthorizedSender } from './auth/authorized-sender.ts';
import { Authorizer } from './auth/authorizer.ts';
import type { CredentialProvider } from './auth/credentials.ts';
import { RenewingCache } from './auth/renewing-cache.ts';
import { TokenClient } from './auth/token.ts';
import { BlobClient } from './blob-client.ts';
import { CachedImagesClient } from './cached-images-client.ts';
import { Dispatchers } from './dispatchers.ts';
import { searchDocker } from './docker-search.ts';
import { FailoverRegistry } from './failover-registry.ts';
import { HeadSupports } from './head-support.ts';
import type { Sender } from './http-message.ts';
import { ListClient } from './list-client.ts';
import { ManifestClient } from './manifest-client.ts';
import { mirrorSender } from './mirror-sender.ts';
import type { ProxySettings } from './proxy-settings.ts';
import type { RateLimit } from './rate-limit.ts';
import { redirectFollower } from './redirect.ts';
import type { UpstreamRegistry } from './registry.ts';
import { RegistryProbe } from './registry-probe.ts';
import { retryingSender } from './retry.ts';
import type { UpstreamMeters } from './throttle/throttle.ts';
import { Transport, type Timeouts } from './transport.ts';

export interface CreateRegistryClientOptions {
  readonly name: UpstreamName;
  /** Where it answers, `https://registry-1.docker.io` for `docker.io`; several are tried in order. */
  readonly urls: readonly [URL, ...URL[]];
  /** Whether another mirror answers there, which is told by `?ns=` that `name` is meant; not, if left out. */
  readonly throughMirror?: boolean | undefined;
  /** Whether that mirror is to give only what it has; not, if left out. */
  readonly cachedOnly?: boolean | undefined;
  /** For requests to what may be another mirror. */
  readonly hops?: Hops | undefined;
  /** None for an anonymous upstream. */
  readonly credentials?: CredentialProvider | undefined;
  readonly timeouts: Timeouts;
  /** Whom certificates are checked with; asked for when the first is. */
  readonly authorities: () => Promise<Authorities>;
  /** More authorities in PEM form, for this upstream. */
  readonly ca?: string | undefined;
  /** Certificates of the upstream are not checked. */
  readonly insecure?: boolean | undefined;
  readonly proxy?: ProxySettings | undefined;
  /** Hosts, perhaps with a port, that it may redirect to although they are in a private network. */
  readonly redirects?: readonly string[] | undefined;
  /** How names become addresses; the system's way if not given. */
  readonly lookup?: LookupFunction | undefined;
  /** `entrepot/1.2.3` */
  readonly userAgent?: string | undefined;
  /** Counts what is received, and limits it. */
  readonly meters?: UpstreamMeters | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  /** Told of every rate limit that the upstream states. */
  readonly onRateLimit?: ((rateLimit: RateLimit) => void) | undefined;
  /** What the upstream was seen to do with HEAD, if other clients are to know it too. */
  readonly heads?: HeadSupports | undefined;
}

/** Composes the client of an upstream, from transport to authorization. Its URLs share connections. */
export function createRegistryClient(options: CreateRegistryClientOptions): UpstreamRegistry {
  const { name, urls, clock } = options;
  const logger = options.logger.child({ upstream: name });
  const transport = createTransport({ ...options, logger });
  const heads = options.heads ?? new HeadSupports(clock);
  const [first, ...others] = urls.map((url) => clientAt(url, transport, { ...options, logger, heads }));
  if (first === undefined) throw new TypeError('an upstream has a URL');
  return others.length === 0 ? first : new FailoverRegistry(name, [first, ...others], clock);
}

/** Puts together what finds out how the first URL of an upstream receives us, over connections of its own. */
export function createRegistryProbe(options: CreateRegistryClientOptions): RegistryProbe {
  const [url] = options.urls;
  const transport = createTransport(options);
  const authorized = authorizing(url, transport, transport, options)(transport);
  return new RegistryProbe({ url, transport, authorized, clock: options.clock });
}

/** Puts together what asks an Entrepot at the first URL for its images; closes nothing but its connections. */
export function createCachedImagesClient(
  options: CreateRegistryClientOptions,
): AsyncDisposable & Pick<CachedImagesClient, 'images' | 'isThere'> {
  const { urls, timeouts, clock, random } = options;
  const [url] = urls;
  const transport = createTransport(options);
  const retrying = retryingSender(transport, clock, random);
  const sender = authorizing(url, transport, retrying, options)(retrying);
  const client = new CachedImagesClient({ url, sender, clock, bodyTimeoutMs: timeouts.idleMs });
  return {
    images: (request) => client.images(request),
    isThere: (request) => client.isThere(request),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

function createTransport(options: CreateRegistryClientOptions): Transport {
  const { urls, timeouts, meters, clock, logger } = options;
  const guard = new AddressGuard({ urls, redirects: options.redirects ?? [], lookup: options.lookup });
  const dispatchers = new Dispatchers({
    guard,
    connectMs: timeouts.connectMs,
    headerMs: timeouts.headerMs,
    secureContext: async () => (await options.authorities()).context(options.ca),
    insecure: options.insecure ?? false,
    proxy: options.proxy,
  });
  const userAgent = options.userAgent ?? 'entrepot';
  return new Transport({ dispatchers, guard, timeouts, userAgent, meters, clock, logger });
}

/**
 * Wraps a sender with the authorization that the registry at `url` wants.
 * @param tokenSender for token services; follows no redirects: those are judged as realms
 */
function authorizing(
  url: URL,
  transport: Transport,
  tokenSender: Sender,
  { credentials, timeouts, clock, logger }: CreateRegistryClientOptions,
): (sender: Sender) => AuthorizedSender {
  const deps = {
    tokens: new RenewingCache<string>(clock, logger),
    tokenClient: new TokenClient(tokenSender, clock, timeouts.idleMs),
    isNamed: (host: URL): boolean => transport.isNamed(host),
  };
  const authorizer = new Authorizer({ ...deps, upstream: url, credentials });
  const guestAt = (upstream: URL): Authorizer =>
    new Authorizer({ ...deps, upstream, credentials: undefined });
  return (sender) => new AuthorizedSender({ sender, authorizer, guestAt, clock });
}

function clientAt(
  url: URL,
  transport: Transport,
  options: CreateRegistryClientOptions & { readonly heads: HeadSupports },
): UpstreamRegistry {
  const { name, timeouts, clock, random, heads, hops, cachedOnly } = options;
  const namespace = options.throughMirror === true ? name : undefined;
  const following = redirectFollower(transport, (host) => transport.isNamed(host));
  const redirects = mirrorSender({ sender: following, url, hops, namespace, cachedOnly });
  const retrying = retryingSender(redirects, clock, random);
  const authorized = authorizing(url, transport, retryingSender(transport, clock, random), options);
  const metadata = authorized(retrying);
  const bodyTimeoutMs = timeouts.idleMs;
  const manifests = new ManifestClient({
    url,
    sender: metadata,
    heads: heads.of('manifest', url),
    clock,
    bodyTimeoutMs,
    onRateLimit: options.onRateLimit,
  });
  const blobs = new BlobClient({
    url,
    metadata,
    contents: authorized(redirects),
    redirected: redirects,
    heads: heads.of('blob', url),
    clock,
  });
  const lists = new ListClient({ url, sender: metadata, clock, bodyTimeoutMs });
  return {
    name,
    headManifest: (repository, reference, request) => manifests.head(repository, reference, request),
    getManifest: (repository, reference, request) => manifests.get(repository, reference, request),
    headBlob: (repository, digest, request = {}) => blobs.size(repository, digest, request),
    openBlob: (repository, digest, range) => blobs.open(repository, digest, range),
    listTags: (repository, request) => lists.tags(repository, request),
    referrers: (repository, digest, request) => lists.referrers(repository, digest, request),
    search: (term, limit, request) =>
      searchDocker(url, { sender: retrying, clock, bodyTimeoutMs }, { ...request, term, limit }),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
