import { parseJson } from '../../base/json.ts';
import { readPlatform, type Platform } from '../../oci/platform.ts';
import type { BlobService } from '../blobs/blob-service.ts';
import type { ImageContents } from './image-contents.ts';

/** The largest config that is looked into, in bytes; the usual ones have some KiB. */
const maxConfigBytes = 1024 * 1024;

/** The platform of an image without an index, which its cached config states; undefined where none does. */
export async function platformOf(
  blobs: Pick<BlobService, 'openCached'>,
  { repository, config }: ImageContents,
): Promise<Platform | undefined> {
  if (config === undefined) return undefined;
  const blob = await blobs.openCached(repository, config, 'suffices');
  if (blob === undefined) return undefined;
  try {
    const { size = 0 } = blob;
    if (size > maxConfigBytes) return undefined;
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size;) {
      const count = await blob.read(bytes.subarray(at), size - at, at);
      if (count === 0) return undefined;
      at += count;
    }
    return readPlatform(parseJson(bytes.toString()));
  } finally {
    await blob.close();
  }
}
