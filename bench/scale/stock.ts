import { cp, mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import { digestOf, type Digest } from '../../src/oci/digest.ts';
import { readManifest, type Manifest } from '../../src/oci/manifest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import {
  parseRepositoryName,
  parseTag,
  parseUpstreamName,
  type RepositoryName,
  type Tag,
  type UpstreamName,
} from '../../src/oci/reference.ts';
import { Layout } from '../../src/store/filesystem/layout.ts';
import { SqliteMetadataStore } from '../../src/store/sqlite/metadata-store.ts';

/** Blobs of one image: a config and nine layers, all its own. */
export const blobsPerImage = 10;
const tagsPerRepository = 100;
/** Bytes of each blob. Its file is a hole of that size: that there are many is the question. */
export const blobBytes = 2 ** 20;

/** Time that goes where the generator wants it. */
class SetClock implements Clock {
  #now = 0;

  set(now: number): void {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    // Nothing that waits for a later time has its turn here.
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
  }
}

interface Names {
  readonly upstream: UpstreamName;
  readonly repository: RepositoryName;
  readonly tag: Tag;
}

/** Of the image with that number. */
function namesOf(image: number): Names {
  const upstream = parseUpstreamName('docker.io');
  const repository = parseRepositoryName(`bench/r${Math.floor(image / tagsPerRepository)}`);
  const tag = parseTag(`t${image % tagsPerRepository}`);
  if (upstream === undefined || repository === undefined || tag === undefined) throw new Error('a bad name');
  return { upstream, repository, tag };
}

function manifestOf(blobs: readonly Digest[]): Manifest {
  const [config, ...layers] = blobs;
  const mediaType = mediaTypes.ociManifest;
  const describe = (digest: Digest | undefined, type: string) => ({
    mediaType: type,
    digest,
    size: blobBytes,
  });
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: describe(config, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map((layer) => describe(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')),
    }),
  );
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

/**
 * Fills the data folder `root` with so many images, the first of them used the longest ago. The database is
 * made where flushes cost nothing, and then copied.
 */
export async function stock(root: string, images: number): Promise<void> {
  const memory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'entrepot-scale-'));
  try {
    const layout = new Layout(root);
    const clock = new SetClock();
    const metadata = await SqliteMetadataStore.open(join(memory, 'metadata.sqlite'), clock);
    const now = Date.now();
    for (let image = 0; image < images; image += 1) {
      clock.set(now - (images - image) * 1000);
      const { tag, ...repository } = namesOf(image);
      const repositoryKey = { upstream: repository.upstream, name: repository.repository };
      const digests = Array.from({ length: blobsPerImage }, (_, index) =>
        digestOf(Buffer.from(`blob ${index} of image ${image}`)),
      );
      const manifest = manifestOf(digests);
      await metadata.putManifest(repositoryKey, manifest, readManifest(manifest.bytes), {
        name: tag,
        checkedAt: now,
      });
      for (const digest of digests) {
        await metadata.putBlob(digest, blobBytes);
        await makeHole(layout.blob(digest));
      }
    }
    await metadata.close();
    await mkdir(root, { recursive: true });
    await cp(memory, root, { recursive: true });
  } finally {
    await rm(memory, { recursive: true, force: true });
  }
}

async function makeHole(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await using file = await open(path, 'w');
  await file.truncate(blobBytes);
}
