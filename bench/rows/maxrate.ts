import { drainOnce } from '../client/drain.ts';
import { blobUrl } from '../upstream/image-urls.ts';
import { blobSizes, layerOf, oneLayer } from './images.ts';
import { pullManifest } from './prepare.ts';
import type { Row } from './row.ts';

const mebibyte = 2 ** 20;
const asked = 30 * mebibyte;

/**
 * What is taken from upstream by a peer that is told to take no more than so much? registry:2 cannot be told, and
 * nginx keeps the limit for each of its requests.
 */
export const maxRate: Row = {
  name: 'maxrate',
  figures: [
    { id: 'rate', title: 'cold 256 MiB, told to take 30 MiB/s at most, MiB/s taken', better: 'less' },
    { id: 'cpu', title: 'the same, CPU seconds per GiB', better: 'less' },
  ],
  async measure(bench) {
    const { upstream } = bench;
    const size = blobSizes.large;
    const image = await upstream.image(oneLayer(size));
    const peer = await bench.startAnother({ maxRate: asked });
    try {
      await pullManifest(peer, image);
      const before = await peer.tree.cpuSeconds();
      const { seconds } = await drainOnce(blobUrl(peer.url, image, layerOf(image, size)));
      const cpu = (await peer.tree.cpuSeconds()) - before;
      return { rate: size / mebibyte / seconds, cpu: cpu / (size / 2 ** 30) };
    } finally {
      await peer.stop();
    }
  },
};
