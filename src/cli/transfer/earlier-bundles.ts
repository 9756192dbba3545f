import { blobPath } from '../../archive/blob-path.ts';
import { bundleEntry, BundleSyntaxError, readBundle, type Bundle } from '../../archive/bundle.ts';
import { ArchiveError } from '../../archive/read/archive-error.ts';
import { archiveInputs } from '../../archive/read/archive-inputs.ts';
import type { Archive } from '../../archive/read/archive.ts';
import { openArchive } from '../../archive/read/open-archive.ts';
import type { Digest } from '../../oci/digest.ts';

/** Far more than a bundle of thousands of images takes. */
const maxBundleBytes = 64 * 1024 * 1024;

/**
 * The blobs that earlier bundles have: each a file, one of its parts, or a folder with several. Their contents are not hashed.
 * @throws {ArchiveError} also for one that is cut off, or no bundle of Entrepot's
 */
export async function blobsOfBundles(paths: readonly string[]): Promise<ReadonlySet<Digest>> {
  const digests = new Set<Digest>();
  if (paths.length === 0) return digests;
  for (const input of await archiveInputs(paths)) {
    // Of one that is compressed nothing but the names counts.
    const take = async (_: unknown, bytes: AsyncIterable<unknown>): Promise<boolean> => {
      for await (const chunk of bytes) void chunk;
      return true;
    };
    await using archive = await openArchive(input, { stdin: nothing(), take, warn: () => undefined });
    for (const { digest } of (await bundleIn(archive)).blobs) {
      if ((await archive.find(blobPath(digest))) === undefined) {
        throw new ArchiveError(archive.file, blobPath(digest), `is missing: ${bundleEntry} lists it`);
      }
      digests.add(digest);
    }
  }
  return digests;
}

async function bundleIn(archive: Archive): Promise<Bundle> {
  const bytes = await archive.read(bundleEntry, maxBundleBytes);
  if (bytes === undefined)
    throw new ArchiveError(archive.file, bundleEntry, "is missing: it is no bundle of Entrepot's");
  try {
    return readBundle(bytes);
  } catch (cause) {
    if (!(cause instanceof BundleSyntaxError)) throw cause;
    throw new ArchiveError(archive.file, undefined, `cannot be read: ${cause.message}`, { cause });
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
