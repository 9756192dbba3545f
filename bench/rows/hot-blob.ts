import { drainFor } from '../client/drain.ts';
import { blobSizes, layerOf, mixedImage } from './images.ts';
import { warmBlob } from './prepare.ts';
import type { Row } from './row.ts';

/** How fast is a 256 MiB blob served from the cache to `streams` clients at once, and what does that cost? */
export function hotBlob(streams: number, { tls = false }: { readonly tls?: boolean } = {}): Row {
  const clients = streams === 1 ? '1 stream' : `${streams} streams`;
  const how = tls ? `${clients} of TLS` : clients;
  return {
    name: `hot-blob-${tls ? 'tls-' : ''}${streams}`,
    tls,
    figures: [
      { id: 'throughput', title: `hot 256 MiB blob, ${how}, GiB/s`, better: 'more' },
      { id: 'cpu', title: `CPU seconds per GiB served hot, ${how}`, better: 'less' },
    ],
    async measure(bench) {
      const { peer } = bench;
      const image = await bench.upstream.image(mixedImage);
      const url = await warmBlob(bench, image, layerOf(image, blobSizes.large));
      const before = await peer.tree.cpuSeconds();
      const drained = await drainFor(url, bench.seconds, { streams, ca: peer.ca });
      const cpuSeconds = (await peer.tree.cpuSeconds()) - before;
      for (const { cipher } of drained.streams) if (cipher !== undefined) bench.remark(cipher);
      const gibibytes = drained.bytes / 2 ** 30;
      return { throughput: gibibytes / drained.seconds, cpu: cpuSeconds / gibibytes };
    },
  };
}
