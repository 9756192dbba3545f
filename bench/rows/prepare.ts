import { setTimeout as sleep } from 'node:timers/promises';
import { DigestVerifier, type Digest } from '../../src/oci/digest.ts';
import type { Descriptor } from '../../src/oci/manifest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import type { BenchImage } from '../upstream/upstream.ts';
import type { Bench } from './row.ts';

/** How long a peer may take to have in its cache what it was asked for, in milliseconds. */
const patience = 30_000;

export function manifestUrl(base: URL, image: BenchImage, reference = 'latest'): URL {
  return new URL(`/v2/${image.repository}/manifests/${reference}`, base);
}

export function blobUrl(base: URL, image: BenchImage, { digest }: Descriptor): URL {
  return new URL(`/v2/${image.repository}/blobs/${digest}`, base);
}

/** Downloads `url` and makes sure that it is what `digest` names: a fast wrong answer must not look good. */
async function fetchVerified(url: URL, digest: Digest): Promise<void> {
  const response = await fetch(url, { headers: { Accept: mediaTypes.ociManifest } });
  if (!response.ok || response.body === null) throw new Error(`${url.href} answered ${response.status}`);
  const verifier = new DigestVerifier(digest);
  const body: AsyncIterable<Uint8Array> = response.body;
  for await (const chunk of body) verifier.update(chunk);
  if (!verifier.matches()) throw new Error(`${url.href} gave wrong bytes`);
}

/** Pulls the manifest by tag, as every client does before it asks for blobs. */
export async function pullManifest({ peer }: Bench, image: BenchImage): Promise<void> {
  await fetchVerified(manifestUrl(peer.url, image), image.manifest.digest);
}

/** Downloads a blob through the peer until that moves no byte upstream any more. */
export async function warmBlob(bench: Bench, image: BenchImage, blob: Descriptor): Promise<URL> {
  const { peer, upstream } = bench;
  const url = blobUrl(peer.url, image, blob);
  await pullManifest(bench, image);
  const giveUpAt = performance.now() + patience;
  for (;;) {
    await upstream.setPace({});
    await fetchVerified(url, blob.digest);
    if ((await upstream.sent())[blob.digest] === undefined) return url;
    if (performance.now() > giveUpAt) throw new Error(`${url.href} is never served from the cache`);
    await sleep(100);
  }
}
