import type { Descriptor } from '../../../src/oci/manifest.ts';
import {
  check,
  listed,
  named,
  platformOf,
  severally,
  type ListedDescriptor,
  type PullingClient,
  type PullRequest,
} from './pulling-client.ts';
import { ReplayedClient, type HeaderLines } from './replayed-client.ts';

/** What containerd's resolver takes a tag to mean, in one line. */
const resolverAccept =
  'application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, ' +
  'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*';

/**
 * The part of containerd that fetches, which Docker has inside, too: by digest, with the registry's name in
 * each request.
 */
export class ContainerdFetcher {
  readonly client: ReplayedClient;
  readonly #repository: string;

  /** @param probes requests that it makes before it remembers that there is a login */
  constructor({ origin, repository, account }: PullRequest, lines: HeaderLines, probes: number) {
    this.client = new ReplayedClient({ origin, lines, account, probes });
    this.#repository = repository;
  }

  /** The digest and type of what a tag points to. */
  async resolve(tag: string): Promise<Descriptor> {
    const { headers } = await this.client.ask('HEAD', this.#path(`manifests/${tag}`), [
      ['Accept', resolverAccept],
    ]);
    return {
      digest: headers['docker-content-digest'] as Descriptor['digest'],
      mediaType: headers['content-type'] ?? '',
      size: Number(headers['content-length']),
    };
  }

  async manifest(descriptor: Descriptor): Promise<Buffer> {
    return this.#fetch('manifests', descriptor);
  }

  async blob(descriptor: Descriptor): Promise<Buffer> {
    return this.#fetch('blobs', descriptor);
  }

  async referrers({ digest }: Descriptor): Promise<Buffer> {
    const accept = [['Accept', 'application/vnd.oci.image.index.v1+json']] as const;
    return (await this.client.ask('GET', this.#path(`referrers/${digest}`), accept)).bytes;
  }

  async #fetch(kind: 'manifests' | 'blobs', { digest, mediaType }: Descriptor): Promise<Buffer> {
    const { bytes } = await this.client.ask('GET', this.#path(`${kind}/${digest}`), [
      ['Accept', `${mediaType}, */*`],
      ['Accept-Encoding', 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5'],
    ]);
    check(bytes, digest);
    return bytes;
  }

  #path(rest: string): string {
    return `/v2/${this.#repository}/${rest}?ns=docker.io`;
  }
}

const lines: HeaderLines = [['User-Agent', 'containerd/v2.4.2']];

/**
 * `ctr images pull`, by the transfer service: it reads what the index lists, three at a time, and then has
 * its own platform's layers.
 */
export const containerdCtr: PullingClient = {
  name: 'ctr 2.4.2',
  async pull(request) {
    const fetcher = new ContainerdFetcher(request, lines, 2);
    const entries = listed(await fetcher.manifest(await fetcher.resolve(request.tag)));
    const own = platformOf(entries, request.architecture);
    const layers: Descriptor[] = [];
    const configs: Descriptor[] = [];
    await severally(3, entries, async (entry) => {
      const manifest = named(await fetcher.manifest(entry));
      configs.push(manifest.config);
      if (entry === own) layers.push(...manifest.layers);
    });
    await severally(3, [...configs, ...lacking(layers, request)], (blob) => fetcher.blob(blob));
    return fetcher.client;
  },
};

/**
 * The image service of containerd's CRI plugin, which the kubelet calls: its own platform and nothing else.
 */
export const containerdCri: PullingClient = {
  name: 'containerd 2.4.2, CRI',
  async pull(request) {
    const fetcher = new ContainerdFetcher(request, lines, 2);
    const entries = listed(await fetcher.manifest(await fetcher.resolve(request.tag)));
    await pullPlatform(fetcher, platformOf(entries, request.architecture), request);
    return fetcher.client;
  },
};

/** A platform's manifest, then its config and its layers, three at a time. */
export async function pullPlatform(
  fetcher: ContainerdFetcher,
  own: ListedDescriptor,
  request: PullRequest,
): Promise<void> {
  const { config, layers } = named(await fetcher.manifest(own));
  await severally(3, [config, ...lacking(layers, request)], (blob) => fetcher.blob(blob));
}

function lacking(layers: readonly Descriptor[], { has }: PullRequest): readonly Descriptor[] {
  return layers.filter(({ digest }) => has?.has(digest) !== true);
}
