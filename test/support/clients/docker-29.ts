import { ContainerdFetcher, pullPlatform } from './containerd-2.ts';
import {
  check,
  listed,
  named,
  platformOf,
  severally,
  type ListedDescriptor,
  type PullingClient,
} from './pulling-client.ts';
import { ReplayedClient, type HeaderLines } from './replayed-client.ts';

const agent = 'docker/29.0.0 go/go1.26.0 kernel/6.1.0 os/linux arch/amd64';
const caller = 'UpstreamClient(Docker-Client/28.2.2 \\(linux\\))';

/**
 * Docker Engine 29 with the containerd store, by `registry-mirrors`. Behind the platform's manifest it reads
 * what is attested of it, and what refers to that; it fails without.
 */
export const docker29: PullingClient = {
  name: 'Docker 29, containerd store',
  async pull(request) {
    const lines: HeaderLines = [
      ['User-Agent', `${agent} containerd-client/2.3.5 storage-driver/overlayfs ${caller}`],
      ['Baggage', 'trigger=api'],
    ];
    const fetcher = new ContainerdFetcher(request, lines, 1);
    const entries = listed(await fetcher.manifest(await fetcher.resolve(request.tag)));
    const own = platformOf(entries, request.architecture);
    // The attestations are read beside the image, and only then is anything unpacked.
    await Promise.all([
      pullPlatform(fetcher, own, request),
      ...entries.filter((entry) => attests(entry, own)).map((entry) => pullAttestation(fetcher, entry)),
    ]);
    return fetcher.client;
  },
};

async function pullAttestation(fetcher: ContainerdFetcher, entry: ListedDescriptor): Promise<void> {
  const { config, layers } = named(await fetcher.manifest(entry));
  const referrers: unknown = JSON.parse((await fetcher.referrers(entry)).toString());
  if (!(referrers instanceof Object && 'manifests' in referrers)) throw new Error('no list of referrers');
  await severally(3, [config, ...layers], (blob) => fetcher.blob(blob));
}

function attests({ annotations }: ListedDescriptor, { digest }: ListedDescriptor): boolean {
  return annotations?.['vnd.docker.reference.digest'] === digest;
}

/** In an order that changes from request to request. */
const accepts = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
];

/**
 * Docker Engine 29 with a storage driver of its own, as all before it: a ping first, four blobs at a time, no
 * attestations.
 */
export const docker29Graphdriver: PullingClient = {
  name: 'Docker 29, graphdriver',
  async pull({ origin, repository, tag, architecture, account, has }) {
    const lines: HeaderLines = [['User-Agent', `${agent} ${caller}`]];
    const client = new ReplayedClient({ origin, lines, account, probes: 1 });
    let turn = 0;
    const ask = async (method: 'GET' | 'HEAD', reference: string) => {
      turn += 1;
      const rotated = accepts.map((_, index) => accepts[(index + turn) % accepts.length] ?? '');
      const path = `/v2/${repository}/manifests/${reference}`;
      return client.ask(
        method,
        path,
        rotated.map((type) => ['Accept', type] as const),
      );
    };
    const manifest = async (digest: string): Promise<Buffer> => {
      const { bytes } = await ask('GET', digest);
      check(bytes, digest);
      return bytes;
    };
    await client.ping();
    const { headers } = await ask('HEAD', tag);
    const index = await manifest(headers['docker-content-digest'] ?? '');
    const { config, layers } = named(await manifest(platformOf(listed(index), architecture).digest));
    const lacking = layers.filter(({ digest }) => has?.has(digest) !== true);
    await severally(4, [config, ...lacking], async ({ digest }) => {
      const path = `/v2/${repository}/blobs/${digest}`;
      const { bytes } = await client.ask('GET', path, [['Accept-Encoding', 'identity']]);
      check(bytes, digest);
    });
    return client;
  },
};
