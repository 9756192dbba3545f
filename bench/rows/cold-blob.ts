import { drainOnce } from '../client/drain.ts';
import { median } from '../statistics.ts';
import type { Pace } from '../upstream/control.ts';
import { blobUrl } from '../upstream/image-urls.ts';
import { blobSizes, layerOf, oneLayer, type BlobName } from './images.ts';
import { pullManifest } from './prepare.ts';
import type { Bench, Row } from './row.ts';

/** How often the direct download is timed: it is short, and all that the peer does is measured by it. */
const directDownloads = 3;

/**
 * Seconds that a layer takes straight from upstream (the median), and through a peer that does not hold it;
 * and CPU seconds of that.
 */
async function directAndCold(
  bench: Bench,
  blob: BlobName,
  pace: Pace,
): Promise<{ readonly direct: number; readonly cold: number; readonly cpu: number }> {
  const { peer, upstream } = bench;
  const image = await upstream.image(oneLayer(blobSizes[blob]));
  const layer = layerOf(image, blobSizes[blob]);
  await upstream.setPace(pace);
  try {
    const direct: number[] = [];
    for (let turn = 1; turn <= directDownloads; turn += 1) {
      direct.push((await drainOnce(blobUrl(upstream.url, image, layer))).seconds);
    }
    // Not before: a peer may fetch what a manifest names without waiting to be asked.
    await pullManifest(peer, image);
    const before = await peer.tree.cpuSeconds();
    const cold = await drainOnce(blobUrl(peer.url, image, layer));
    return {
      direct: median(direct),
      cold: cold.seconds,
      cpu: (await peer.tree.cpuSeconds()) - before,
    };
  } finally {
    await upstream.setPace({});
  }
}

/** What does the first download through the cache take, where upstream keeps `pace`? */
function coldBlobRow(name: string, upstream: string, pace: Pace): Row {
  return {
    name,
    figures: [
      { id: 'seconds', title: `cold 256 MiB, ${upstream}, seconds`, better: 'less' },
      { id: 'times', title: 'the same, times a direct download', better: 'less' },
      { id: 'cpu', title: 'the same, CPU seconds per GiB', better: 'less' },
    ],
    async measure(bench) {
      const { direct, cold, cpu } = await directAndCold(bench, 'large', pace);
      return { seconds: cold, times: cold / direct, cpu: cpu / (blobSizes.large / 2 ** 30) };
    },
  };
}

export const coldBlob = coldBlobRow('cold-blob', 'unthrottled upstream', {});
export const coldBlob1G = coldBlobRow('cold-blob-1g', '1 Gbit/s link', { link: 1e9 / 8 });
export const coldBlob10G = coldBlobRow('cold-blob-10g', '10 Gbit/s link', { link: 1e10 / 8 });

/**
 * Is the first download through the cache faster than a direct one, where upstream limits each connection?
 */
export const slowUpstream: Row = {
  name: 'slow-upstream',
  figures: [
    { id: 'speedup', title: '64 MiB cold, 15 MB/s a connection, speed-up over direct', better: 'more' },
  ],
  async measure(bench) {
    const { direct, cold } = await directAndCold(bench, 'medium', { connection: 15e6 });
    return { speedup: direct / cold };
  },
};
