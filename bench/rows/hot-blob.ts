import { drainFor } from '../client/drain.ts';
import { blobSizes, layerOf, mixedImage } from './images.ts';
import { warmBlob } from './prepare.ts';
import type { Row } from './row.ts';

/** How fast is a 256 MiB blob served from the cache to `streams` clients at once, and what does that cost? */
export function hotBlob(streams: number): Row {
  const clients = streams === 1 ? '1 stream' : `${streams} streams`;
  return {
    name: `hot-blob-${streams}`,
    figures: [
      { id: 'throughput', title: `hot 256 MiB blob, ${clients}, GiB/s`, better: 'more' },
      { id: 'cpu', title: `CPU seconds per GiB served hot, ${clients}`, better: 'less' },
    ],
    async measure(bench) {
      const image = await bench.upstream.image(mixedImage);
      const url = await warmBlob(bench, image, layerOf(image, blobSizes.large));
      const before = await bench.peer.tree.cpuSeconds();
      const { bytes, seconds } = await drainFor(url, bench.seconds, { streams });
      const cpuSeconds = (await bench.peer.tree.cpuSeconds()) - before;
      const gibibytes = bytes / 2 ** 30;
      return { throughput: gibibytes / seconds, cpu: cpuSeconds / gibibytes };
    },
  };
}
