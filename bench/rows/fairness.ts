import { drainEachFor, drainOnce } from '../client/drain.ts';
import { blobSizes, layerOf, mixedImage } from './images.ts';
import { warmBlob } from './prepare.ts';
import type { Bench, Row } from './row.ts';

const clients = 31;

/**
 * Bytes a second that a client on a thin line takes; all of them together are well below what any peer sends.
 */
const thin = 5e6;

async function warm(bench: Bench): Promise<URL> {
  const image = await bench.upstream.image(mixedImage);
  return warmBlob(bench, image, layerOf(image, blobSizes.medium));
}

/** Are clients that start together served alike? */
export const fairness: Row = {
  name: 'fairness',
  figures: [
    { id: 'spread', title: `${clients} clients, hot 64 MiB each, last over first to finish`, better: 'less' },
    { id: 'slowest', title: 'the same, last to finish, seconds', better: 'less' },
  ],
  async measure(bench) {
    const { streams } = await drainOnce(await warm(bench), { streams: clients });
    const times = streams.map(({ seconds }) => seconds);
    const slowest = Math.max(...times);
    return { spread: slowest / Math.min(...times), slowest };
  },
};

/** Does one client on a fast link starve those on slow ones? */
export const fairnessFast: Row = {
  name: 'fairness-fast',
  figures: [
    {
      id: 'share',
      title: `${clients - 1} clients that take 5 MB/s beside a fast one, worst share of it`,
      better: 'more',
    },
    { id: 'fast', title: 'the same, the fast one, GiB/s', better: 'more' },
  ],
  async measure(bench) {
    const url = await warm(bench);
    const slow = Array.from({ length: clients - 1 }, () => ({ url, rate: thin }));
    const { streams } = await drainEachFor([...slow, { url }], bench.seconds);
    const rates = streams.map(({ bytes, seconds }) => bytes / seconds);
    return {
      share: Math.min(1, Math.min(...rates.slice(0, -1)) / thin),
      fast: (rates.at(-1) ?? Number.NaN) / 2 ** 30,
    };
  },
};
