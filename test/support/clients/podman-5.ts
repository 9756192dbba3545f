import { check, listed, named, platformOf, severally, type PullingClient } from './pulling-client.ts';
import { ReplayedClient, type HeaderLines } from './replayed-client.ts';

/** A line each. */
const accepts: HeaderLines = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.index.v1+json',
].map((type) => ['Accept', type] as const);

const gzip: HeaderLines = [['Accept-Encoding', 'gzip']];

/**
 * podman 5, skopeo 1.22 and CRI-O, whose image library they share: a ping, then GET of the tag without a HEAD
 * before.
 */
export const podman5: PullingClient = {
  name: 'podman 5.8.2',
  async pull({ origin, repository, tag, architecture, account, has }) {
    const lines: HeaderLines = [['User-Agent', 'containers/5.39.2 (github.com/containers/image)']];
    const client = new ReplayedClient({ origin, lines, account, probes: 1 });
    const path = (rest: string): string => `/v2/${repository}/${rest}`;
    const manifest = async (reference: string): Promise<Buffer> =>
      (await client.ask('GET', path(`manifests/${reference}`), [...accepts, ...gzip])).bytes;
    await client.ping();
    const own = platformOf(listed(await manifest(tag)), architecture);
    const bytes = await manifest(own.digest);
    check(bytes, own.digest);
    const { config, layers } = named(bytes);
    const blob = async ({ digest }: { readonly digest: string }): Promise<void> =>
      check((await client.ask('GET', path(`blobs/${digest}`), gzip)).bytes, digest);
    await blob(config);
    await severally(
      3,
      layers.filter(({ digest }) => has?.has(digest) !== true),
      blob,
    );
    return client;
  },
};
