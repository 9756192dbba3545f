import { createHash } from 'node:crypto';
import { manifestMediaTypes } from '../../../src/oci/media-type.ts';
import { selectFromIndex } from '../../../src/oci/index-selection.ts';
import { isDigestOf, type Digest } from '../../../src/oci/digest.ts';
import { readManifest } from '../../../src/oci/manifest.ts';
import { thisPlatform } from '../../../src/oci/platform.ts';

/*
 * Pulls images as many clients at once, and verifies every byte: `students.ts ORIGIN CLIENTS NAME:TAG…`, to be run
 * in another network than the test. Prints how many pulls went well.
 */

/** A manifest, or all that it stands for on this platform. Rejects for anything but the right bytes. */
async function pull(origin: string, name: string, reference: string): Promise<void> {
  const accept = manifestMediaTypes.join(', ');
  const response = await fetch(`${origin}/v2/${name}/manifests/${reference}`, { headers: { accept } });
  const bytes = Buffer.from(await response.arrayBuffer());
  const digest = response.headers.get('docker-content-digest') as Digest;
  if (!response.ok || !isDigestOf(digest, bytes)) throw new Error(`${name}:${reference}: ${response.status}`);
  const { children, blobs } = readManifest(bytes);
  if (children.length > 0) {
    const { entries } = selectFromIndex(bytes, [thisPlatform()]);
    if (entries.length === 0) throw new Error(`${name}:${reference} is not for this platform`);
    for (const entry of entries) await pull(origin, name, entry.digest);
  }
  await Promise.all(blobs.map((blob) => pullBlob(`${origin}/v2/${name}/blobs/${blob.digest}`, blob.digest)));
}

async function pullBlob(url: string, digest: Digest): Promise<void> {
  const response = await fetch(url);
  const hash = createHash('sha256');
  // Of bytes, which its type does not say.
  const body = (response.body ?? []) as AsyncIterable<Uint8Array>;
  for await (const chunk of body) hash.update(chunk);
  if (!response.ok || `sha256:${hash.digest('hex')}` !== digest)
    throw new Error(`${url}: ${response.status}`);
}

const [origin = '', clients = '1', ...images] = process.argv.slice(2);
const pulls = Array.from({ length: Number(clients) }, async () => {
  for (const image of images) {
    const [name = '', tag = ''] = image.split(':');
    await pull(origin, name, tag);
  }
});
await Promise.all(pulls);
process.stdout.write(`${pulls.length * images.length}\n`);
