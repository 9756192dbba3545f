import { setTimeout as sleep } from 'node:timers/promises';
import { DigestVerifier, type Digest } from '../../src/oci/digest.ts';
import type { Descriptor } from '../../src/oci/manifest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { ask } from '../ask.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { blobUrl, manifestUrl, type BenchImage } from '../upstream/image-urls.ts';
import type { Bench } from './row.ts';

/** How long a peer may take to have in its cache what it was asked for, in milliseconds. */
const patience = 30_000;

/**
 * Downloads from the peer and makes sure that it is what `digest` names: a fast wrong answer must not look
 * good.
 */
async function fetchVerified({ ca }: RunningPeer, url: URL, digest: Digest): Promise<void> {
  const answer = await ask(url, ca, { Accept: mediaTypes.ociManifest });
  if (answer.statusCode !== 200) throw new Error(`${url.href} answered ${answer.statusCode}`);
  const body: AsyncIterable<Uint8Array> = answer;
  const verifier = new DigestVerifier(digest);
  for await (const chunk of body) verifier.update(chunk);
  if (!verifier.matches()) throw new Error(`${url.href} gave wrong bytes`);
}

/** Pulls the manifest by tag, as every client does before it asks for blobs. */
export async function pullManifest(peer: RunningPeer, image: BenchImage): Promise<void> {
  await fetchVerified(peer, manifestUrl(peer.url, image), image.manifest.digest);
}

/** Downloads a blob through the peer until that moves no byte upstream any more. */
export async function warmBlob(bench: Bench, image: BenchImage, blob: Descriptor): Promise<URL> {
  const { peer, upstream } = bench;
  const url = blobUrl(peer.url, image, blob);
  await pullManifest(peer, image);
  const giveUpAt = performance.now() + patience;
  for (;;) {
    await upstream.setPace({});
    await fetchVerified(peer, url, blob.digest);
    if ((await upstream.sent())[blob.digest] === undefined) return url;
    if (performance.now() > giveUpAt) throw new Error(`${url.href} is never served from the cache`);
    await sleep(100);
  }
}
