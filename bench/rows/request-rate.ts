import { mediaTypes } from '../../src/oci/media-type.ts';
import type { Figure } from '../report.ts';
import { manifestUrl } from '../upstream/image-urls.ts';
import { requestRate } from '../wrk.ts';
import { blobSizes, layerOf, oneLayer } from './images.ts';
import { pullManifest, warmBlob } from './prepare.ts';
import type { Bench, Row } from './row.ts';

/** Nothing is left to be fetched ahead of the client by the time requests are counted. */
const smallImage = oneLayer(blobSizes.small);

/** Not counted: for that long a peer that has just started still compiles, and tidies up after its start. */
const warmUpSeconds = 1;

/** How many small requests a second are answered from the cache, and how long does one wait? */
function requestRow(name: string, what: string, warm: (bench: Bench) => Promise<URL>): Row {
  const figures: readonly Figure[] = [
    { id: 'rate', title: `${what}, req/s (16 connections)`, better: 'more' },
    { id: 'cpu', title: `${what}, CPU µs a request`, better: 'less' },
    { id: 'p50', title: `${what}, p50 ms`, better: 'less' },
    { id: 'p99', title: `${what}, p99 ms`, better: 'less' },
  ];
  return {
    name,
    figures,
    async measure(bench) {
      const url = await warm(bench);
      const load = (seconds: number) => requestRate(bench.processes, url, seconds, mediaTypes.ociManifest);
      await load(warmUpSeconds);
      const before = await bench.peer.tree.cpuSeconds();
      const { requests, requestsPerSecond, p50, p99 } = await load(bench.seconds);
      const cpuSeconds = (await bench.peer.tree.cpuSeconds()) - before;
      return { rate: requestsPerSecond, cpu: (cpuSeconds / requests) * 1e6, p50, p99 };
    },
  };
}

export const manifestByTag = requestRow('manifest-by-tag', 'cached manifest by tag', async (bench) => {
  const image = await bench.upstream.image(smallImage);
  await pullManifest(bench.peer, image);
  return manifestUrl(bench.peer.url, image);
});

export const manifestByDigest = requestRow(
  'manifest-by-digest',
  'cached manifest by digest',
  async (bench) => {
    const image = await bench.upstream.image(smallImage);
    await pullManifest(bench.peer, image);
    return manifestUrl(bench.peer.url, image, image.manifest.digest);
  },
);

export const smallBlob = requestRow('small-blob', 'hot 10 KiB blob', async (bench) => {
  const image = await bench.upstream.image(smallImage);
  return warmBlob(bench, image, layerOf(image, blobSizes.small));
});
