import { drainOnce } from '../client/drain.ts';
import { blobUrl } from '../upstream/image-urls.ts';
import { blobSizes, layerOf, oneLayer } from './images.ts';
import { pullManifest } from './prepare.ts';
import type { Row } from './row.ts';

const clients = 32;

/** Bytes a second of the link that all connections to upstream share. */
const link = 60e6;

const idealSeconds = blobSizes.medium / link;

/** What happens when a whole class starts the same image at once, behind a thin link? */
export const stampede: Row = {
  name: 'stampede',
  figures: [
    {
      id: 'seconds',
      title: `${clients} cold clients, one 64 MiB blob, 60 MB/s link, seconds`,
      better: 'less',
    },
    { id: 'ideal', title: `the same, times the ideal ${idealSeconds.toFixed(2)} s`, better: 'less' },
    { id: 'upstream', title: 'the same, upstream bytes, times the blob', better: 'less' },
    { id: 'memory', title: 'the same, peak RSS, MiB', better: 'less' },
  ],
  async measure(bench) {
    const { peer, upstream } = bench;
    const image = await upstream.image(oneLayer(blobSizes.medium));
    const layer = layerOf(image, blobSizes.medium);
    await upstream.setPace({ link });
    try {
      await pullManifest(peer, image);
      const { seconds } = await drainOnce(blobUrl(peer.url, image, layer), { streams: clients });
      const memory = (await peer.tree.peakMemory()) / 2 ** 20;
      const sent = (await upstream.sent())[layer.digest]?.bytes ?? 0;
      return { seconds, ideal: seconds / idealSeconds, upstream: sent / blobSizes.medium, memory };
    } finally {
      await upstream.setPace({});
    }
  },
};
