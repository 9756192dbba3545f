import { blobUrl, manifestUrl, type BenchImage } from '../upstream/image-urls.ts';
import { Stream, type StreamOptions } from './stream.ts';

/** Layers that dockerd downloads at once by default (`max-concurrent-downloads`). */
const layersAtOnce = 3;

/**
 * Pulls an image as dockerd does: the manifest by tag, then its blobs three at a time.
 * @throws when any of it does not come whole
 */
export async function pullImage(
  base: URL,
  image: BenchImage,
  options: Pick<StreamOptions, 'ca' | 'signal'> = {},
): Promise<void> {
  await new Stream(manifestUrl(base, image), options).ended;
  const waiting = [...image.blobs];
  const next = (): URL | undefined => {
    const blob = waiting.shift();
    return blob === undefined ? undefined : blobUrl(base, image, blob);
  };
  const streams: Stream[] = [];
  for (let url = next(); url !== undefined; url = streams.length < layersAtOnce ? next() : undefined) {
    streams.push(new Stream(url, { ...options, next }));
  }
  try {
    await Promise.all(streams.map(({ ended }) => ended));
  } finally {
    for (const stream of streams) stream.finish();
  }
}
