import { drainOnce } from '../client/drain.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { blobUrl } from '../upstream/image-urls.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { layerOf, oneLayer } from './images.ts';
import { pullManifest } from './prepare.ts';
import type { Row } from './row.ts';

const mib = 2 ** 20;
const sizes = { usual: 64 * mib, large: 4096 * mib } as const;

const clients = 4;

/**
 * Peak memory in MiB of a peer that has just started, once its clients have a new layer, and once they have
 * it again.
 */
async function peaks(
  upstream: Upstream,
  peer: RunningPeer,
  size: number,
): Promise<{ readonly cold: number; readonly hot: number }> {
  const image = await upstream.image(oneLayer(size));
  await pullManifest(peer, image);
  const url = blobUrl(peer.url, image, layerOf(image, size));
  const peak = async (): Promise<number> => {
    await drainOnce(url, { streams: clients });
    return (await peer.tree.peakMemory()) / mib;
  };
  return { cold: await peak(), hot: await peak() };
}

/** Does a larger layer need more memory? */
export const largeLayer: Row = {
  name: 'large-layer',
  figures: [
    { id: 'usual', title: `peak RSS, ${clients} clients, 64 MiB layer, cold then hot, MiB`, better: 'less' },
    { id: 'cold', title: 'the same, 4 GiB layer, cold, MiB', better: 'less' },
    { id: 'hot', title: 'the same, 4 GiB layer, cold then hot, MiB', better: 'less' },
    { id: 'times', title: 'the same, times that of the 64 MiB layer', better: 'less' },
  ],
  async measure(bench) {
    const { hot: usual } = await peaks(bench.upstream, bench.peer, sizes.usual);
    const other = await bench.startAnother();
    try {
      const { cold, hot } = await peaks(bench.upstream, other, sizes.large);
      return { usual, cold, hot, times: hot / usual };
    } finally {
      await other.stop();
    }
  },
};
