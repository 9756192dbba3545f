import type { Clock } from '../base/clock.ts';
import { getOrMake } from '../base/get-or-make.ts';
import { Hops } from '../base/hops.ts';
import { version } from '../base/version.ts';
import type { SyncSource } from '../mirror/sync/sync-source.ts';
import { dockerHub } from '../oci/docker-hub.ts';
import { parseRepositoryName, type Repository, type UpstreamName } from '../oci/reference.ts';
import type { Logger } from '../telemetry/log.ts';
import type { SystemStores } from '../upstream/authorities.ts';
import type { CachedImage } from '../upstream/cached-images-client.ts';
import {
  createCachedImagesClient,
  createRegistryClient,
  type CreateRegistryClientOptions,
} from '../upstream/create-registry-client.ts';
import { createCredentialProvider } from '../upstream/credentials/create-credential-provider.ts';
import type { CredentialSource } from '../upstream/credentials/credential-source.ts';
import { HeadSupports } from '../upstream/head-support.ts';
import { isRejectedRequest } from '../upstream/failure-policy.ts';
import { UpstreamError, type UpstreamRegistry } from '../upstream/registry.ts';
import type { Timeouts } from '../upstream/transport.ts';
import { lazyAuthorities } from './upstreams.ts';

export interface SyncSourceOptions {
  /** Its name as a registry, and where it answers. */
  readonly name: UpstreamName;
  readonly url: URL;
  readonly credentials: CredentialSource | undefined;
  /** More authorities in PEM form. */
  readonly ca: string | undefined;
  /** Whether certificates go unchecked. */
  readonly insecure: boolean;
  /**
   * Where it has a repository, with `{registry}` and `{repository}` for the parts of its name. Undefined: an
   * Entrepot is asked by the name, and any other for its own images and those of Docker Hub.
   */
  readonly path: string | undefined;
  readonly timeouts: Timeouts;
  readonly systemStores: SystemStores;
}

interface SyncSourceDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Another registry, until this is disposed of. */
export interface OpenSyncSource extends AsyncDisposable {
  /** Whether it is another Entrepot, which knows registries by their names and lists its images. */
  readonly isEntrepot: boolean;
  /** Why it did not say whether it is one; undefined where it did. */
  readonly refusal: UpstreamError | undefined;
  /** Asked for what it has, or can get. */
  readonly source: SyncSource;
  /** Asked for what it has, and nothing else. */
  readonly cachedOnly: SyncSource;
  /** All that it has; rejects with UpstreamError. */
  images(): AsyncIterable<CachedImage>;
}

/** Finds out what answers at a URL. Rejects with UpstreamError when nothing does. */
export async function openSyncSource(
  options: SyncSourceOptions,
  { signal, ...deps }: SyncSourceDeps,
): Promise<OpenSyncSource> {
  const { name, url, ca, insecure, timeouts, systemStores, path } = options;
  await using closing = new AsyncDisposableStack();
  const client: CreateRegistryClientOptions = {
    ...deps,
    name,
    urls: [url],
    credentials: options.credentials && createCredentialProvider(options.credentials, deps),
    ca,
    insecure,
    timeouts,
    authorities: lazyAuthorities(systemStores),
    userAgent: `entrepot/${version}`,
    hops: new Hops(),
    heads: new HeadSupports(deps.clock),
  };
  const list = closing.use(createCachedImagesClient(client));
  const found = path === undefined ? await list.isThere({ signal }).catch(refusalOf) : false;
  const clients = closing.use(new AsyncDisposableStack());
  const make = (more: Partial<CreateRegistryClientOptions> = {}): UpstreamRegistry =>
    clients.use(createRegistryClient({ ...client, ...more }));
  const isEntrepot = found === true;
  const plain = isEntrepot ? undefined : plainRegistry(options, make());
  const opened = closing.move();
  return {
    isEntrepot,
    refusal: typeof found === 'boolean' ? undefined : found,
    source: plain ?? entrepot(url, (upstream) => make({ name: upstream, throughMirror: true })),
    cachedOnly:
      plain ?? entrepot(url, (upstream) => make({ name: upstream, throughMirror: true, cachedOnly: true })),
    images: () => list.images({ signal }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** @throws whatever says nothing about what is there */
function refusalOf(error: unknown): UpstreamError {
  if (error instanceof UpstreamError && isRejectedRequest(error)) return error;
  throw error;
}

/** An Entrepot has images of all registries, each by its name. */
function entrepot(url: URL, make: (upstream: UpstreamName) => UpstreamRegistry): SyncSource {
  const registries = new Map<UpstreamName, UpstreamRegistry>();
  return {
    host: url.host,
    at: ({ upstream, name }) => ({ registry: getOrMake(registries, upstream, () => make(upstream)), name }),
  };
}

/**
 * Any other registry has its own images, or is a mirror of Docker Hub, unless it is said where it has those of
 * others: under the bare name of a repository it may have another one.
 */
function plainRegistry({ name: own, url, path }: SyncSourceOptions, registry: UpstreamRegistry): SyncSource {
  return {
    host: url.host,
    at({ upstream, name }: Repository) {
      if (path === undefined && upstream !== own && upstream !== dockerHub) return undefined;
      const text = (path ?? '{repository}')
        .replaceAll('{registry}', upstream)
        .replaceAll('{repository}', name);
      const there = parseRepositoryName(text);
      return there && { registry, name: there };
    },
  };
}
