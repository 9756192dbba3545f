import { randomFillSync } from 'node:crypto';
import { link, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestHex, digestOf } from '../../src/oci/digest.ts';
import { readManifest, type Descriptor } from '../../src/oci/manifest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import type { RepositoryName, Tag, UpstreamName } from '../../src/oci/reference.ts';
import { FilesystemContentStore } from '../../src/store/filesystem/content-store.ts';
import { Layout } from '../../src/store/filesystem/layout.ts';
import { SqliteMetadataStore } from '../../src/store/sqlite/metadata-store.ts';
import { systemClock } from '../../src/base/system-clock.ts';

/** The image that is stocked, by the name that commands take. */
export const image = 'docker.io/library/large:1';

const layers = 16;

/**
 * Fills an Entrepot's data folder with an image of so many bytes, and an OCI layout with the same files.
 * @param layout a folder on the same file system
 */
export async function stock(data: string, layout: string, bytes: number): Promise<void> {
  const content = await FilesystemContentStore.open(data);
  const metadata = await SqliteMetadataStore.open(join(data, 'metadata.sqlite'), systemClock());
  const put = async (blob: Buffer, mediaType: string): Promise<Descriptor> => {
    const digest = digestOf(blob);
    const ingest = await content.ingest(digest);
    await ingest.write([blob]);
    await ingest.commit();
    await ingest.close();
    await metadata.putBlob(digest, blob.length);
    const path = join(layout, 'blobs/sha256', digestHex(digest));
    await mkdir(dirname(path), { recursive: true });
    await link(new Layout(data).blob(digest), path);
    return { mediaType, digest, size: blob.length };
  };
  const buffer = Buffer.alloc(Math.floor(bytes / layers));
  const descriptors: Descriptor[] = [];
  for (let count = 0; count < layers; count += 1) {
    randomFillSync(buffer);
    descriptors.push(await put(buffer, 'application/vnd.oci.image.layer.v1.tar'));
  }
  const rootfs = { type: 'layers', diff_ids: descriptors.map(({ digest }) => digest) };
  const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
  const config = await put(
    json({ architecture: 'amd64', os: 'linux', config: {}, rootfs }),
    'application/vnd.oci.image.config.v1+json',
  );
  const mediaType = mediaTypes.ociManifest;
  const manifestBytes = json({ schemaVersion: 2, mediaType, config, layers: descriptors });
  const manifest = { mediaType, digest: digestOf(manifestBytes), size: manifestBytes.length };
  await metadata.putManifest(
    { upstream: 'docker.io' as UpstreamName, name: 'library/large' as RepositoryName },
    { ...manifest, bytes: manifestBytes },
    readManifest(manifestBytes),
    { name: '1' as Tag, checkedAt: Date.now() },
  );
  await metadata.close();
  await content.close();
  await writeFile(join(layout, 'blobs/sha256', digestHex(manifest.digest)), manifestBytes);
  await writeFile(join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  await writeFile(join(layout, 'index.json'), json({ schemaVersion: 2, manifests: [manifest] }));
}
