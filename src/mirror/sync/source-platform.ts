import { parseJson } from '../../base/json.ts';
import { isDigestOf } from '../../oci/digest.ts';
import { readPlatform, type Platform } from '../../oci/platform.ts';
import type { StoredBlob } from '../../store/content-store.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { SourceRepository } from './sync-source.ts';

/** The largest config that is looked into, in bytes; the usual ones have some KiB. */
const maxConfigBytes = 1024 * 1024;

/** The platform of an image without an index, which its config at the source states; undefined where none does. */
export async function sourcePlatform(
  { registry, name }: SourceRepository,
  { digest, size }: StoredBlob,
  signal: AbortSignal,
): Promise<Platform | undefined> {
  if (size > maxConfigBytes) return undefined;
  try {
    const { body } = await registry.openBlob(name, digest, { offset: 0, signal });
    const bytes = Buffer.alloc(size);
    let length = 0;
    for await (const chunk of body) {
      length += chunk.copy(bytes, length);
      if (length === size) break;
    }
    return isDigestOf(digest, bytes) ? readPlatform(parseJson(bytes.toString())) : undefined;
  } catch (error) {
    // Whatever it is, it is told when the config is fetched to be kept.
    if (error instanceof UpstreamError) return undefined;
    throw error;
  }
}
