import { timeLimit } from '../client/drain.ts';
import { pullImage } from '../client/image-pull.ts';
import type { Sample } from '../statistics.ts';
import type { ImageSpec } from '../upstream/control.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Row } from './row.ts';

const mib = 2 ** 20;

export interface StampedeSetting {
  readonly clients: number;
  readonly image: ImageSpec;
  /** Bytes a second that all connections to upstream share. */
  readonly link: number;
  /** Seconds after which it is over, whoever still waits. */
  readonly limit: number;
}

/** 1 GiB in eight layers. */
export const eightLayers: ImageSpec = {
  name: 'eight-layers',
  layers: Array.from({ length: 8 }, () => 128 * mib),
};

/** What happens when many machines start the same new image at once? */
export function stampedeImage({ clients, image: spec, link, limit }: StampedeSetting): Row {
  const size = spec.layers.reduce((sum, each) => sum + each, 0);
  const megabits = Math.round((link * 8) / 1e6);
  const direct = new WeakMap<Upstream, Promise<number>>();
  const layers = `${spec.layers.length} layers, ${Math.round(size / mib)} MiB`;
  return {
    name: `stampede-image-${clients}`,
    figures: [
      {
        id: 'seconds',
        title: `${clients} cold pulls of ${layers}, ${megabits} Mbit/s link, seconds`,
        better: 'less',
      },
      { id: 'times', title: 'the same, times one direct pull', better: 'less' },
      { id: 'upstream', title: 'the same, upstream bytes, times the image', better: 'less' },
      { id: 'failures', title: 'the same, clients without the whole image', better: 'less' },
      { id: 'memory', title: 'the same, peak RSS, MiB', better: 'less' },
    ],
    async measure({ peer, upstream }) {
      const image = await upstream.image(spec);
      const pull = async (from: URL, signal: AbortSignal): Promise<number> => {
        const startedAt = performance.now();
        await pullImage(from, image, { signal });
        return (performance.now() - startedAt) / 1000;
      };
      try {
        // Upstream keeps its pace whoever asks: once is enough.
        if (!direct.has(upstream)) {
          await upstream.setPace({ link });
          direct.set(upstream, pull(upstream.url, timeLimit(limit)));
        }
        const alone = (await direct.get(upstream)) ?? Number.NaN;
        await upstream.setPace({ link });
        const signal = timeLimit(limit);
        const pulls = await Promise.allSettled(Array.from({ length: clients }, () => pull(peer.url, signal)));
        const memory = (await peer.tree.peakMemory()) / mib;
        const sent = await upstream.sent();
        const fetched = image.blobs.reduce((sum, { digest }) => sum + (sent[digest]?.bytes ?? 0), 0);
        const times = pulls.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
        const slowest = Math.max(...times);
        const bounded = (value: number): Sample => (signal.aborted ? { above: value } : value);
        const seconds = signal.aborted ? limit : slowest;
        return {
          seconds: bounded(seconds),
          times: bounded(seconds / alone),
          upstream: bounded(fetched / image.blobs.reduce((sum, blob) => sum + blob.size, 0)),
          failures: clients - times.length,
          memory,
        };
      } finally {
        await upstream.setPace({});
      }
    },
  };
}
