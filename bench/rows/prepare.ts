import { setTimeout as sleep } from 'node:timers/promises';
import { DigestVerifier, type Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import type { LayerName } from '../upstream/upstream.ts';
import type { Bench } from './row.ts';

/** How long a peer may take to have in its cache what it was asked for, in milliseconds. */
const patience = 30_000;

export function manifestUrl(base: URL, reference: string): URL {
  return new URL(`/v2/bench/image/manifests/${reference}`, base);
}

export function blobUrl(base: URL, digest: Digest): URL {
  return new URL(`/v2/bench/image/blobs/${digest}`, base);
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
export async function pullManifest({ peer, upstream }: Bench): Promise<void> {
  await fetchVerified(manifestUrl(peer.url, 'latest'), upstream.manifestDigest);
}

/** Downloads a blob through the peer until that moves no byte upstream any more. */
export async function warmBlob(bench: Bench, layer: LayerName): Promise<URL> {
  const { peer, upstream } = bench;
  const digest = upstream.layer(layer);
  const url = blobUrl(peer.url, digest);
  await pullManifest(bench);
  const giveUpAt = performance.now() + patience;
  for (;;) {
    await upstream.setPace({});
    await fetchVerified(url, digest);
    if ((await upstream.sent())[digest] === undefined) return url;
    if (performance.now() > giveUpAt) throw new Error(`${url.href} is never served from the cache`);
    await sleep(100);
  }
}
