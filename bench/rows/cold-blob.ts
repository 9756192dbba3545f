import { drainOnce } from '../client/drain.ts';
import { median } from '../statistics.ts';
import type { Pace } from '../upstream/control.ts';
import { blobUrl } from '../upstream/image-urls.ts';
import { blobSizes, layerOf, mixedImage, type BlobName } from './images.ts';
import { pullManifest } from './prepare.ts';
import type { Bench, Row } from './row.ts';

/** How often the direct download is timed: it is short, and all that the peer does is measured by it. */
const directDownloads = 3;

/** Seconds that a layer takes straight from upstream (the median), and through a peer that does not hold it. */
async function directAndCold(
  bench: Bench,
  blob: BlobName,
  pace: Pace,
): Promise<{ readonly direct: number; readonly cold: number }> {
  const { peer, upstream } = bench;
  const image = await upstream.image(mixedImage);
  const layer = layerOf(image, blobSizes[blob]);
  await pullManifest(bench, image);
  await upstream.setPace(pace);
  try {
    const direct: number[] = [];
    for (let turn = 1; turn <= directDownloads; turn += 1) {
      direct.push((await drainOnce(blobUrl(upstream.url, image, layer))).seconds);
    }
    const cold = await drainOnce(blobUrl(peer.url, image, layer));
    return { direct: median(direct), cold: cold.seconds };
  } finally {
    await upstream.setPace({});
  }
}

/** What does the first download through the cache take, where upstream is as fast as the machine? */
export const coldBlob: Row = {
  name: 'cold-blob',
  figures: [
    { id: 'seconds', title: 'cold 256 MiB, unthrottled upstream, seconds', better: 'less' },
    { id: 'times', title: 'the same, times a direct download', better: 'less' },
  ],
  async measure(bench) {
    const { direct, cold } = await directAndCold(bench, 'large', {});
    return { seconds: cold, times: cold / direct };
  },
};

/** Is the first download through the cache faster than a direct one, where upstream limits each connection? */
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
