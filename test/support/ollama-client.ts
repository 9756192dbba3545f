import { mediaTypes } from '../../src/oci/media-type.ts';
import { ask } from './ask.ts';
import { RawClient } from './raw-client.ts';

const deadlineMs = 60_000;
const own = { 'user-agent': 'ollama/0.12.11 (amd64 linux) Go/go1.26.0' };
/** Go asks for gzip by itself, but neither with HEAD nor with a range. */
const ownGet = { ...own, 'accept-encoding': 'gzip' };
const ofParts = { 'user-agent': 'Go-http-client/1.1' };
const partsAtOnce = 16;

interface Descriptor {
  readonly digest: string;
}

/** What a pull wrote: each blob by its digest. */
export type Pulled = ReadonlyMap<string, Buffer>;

/**
 * Pulls a model with the requests of `ollama pull --insecure` (version of August 2026): no `/v2/`, the
 * manifest by GET, then for each layer and the config one after the other HEAD, a GET that ends after its
 * head, and closed ranges from the place that its `Location` names, 16 at once.
 * @param name with the path that comes before `/manifests` and `/blobs`
 * @param leastPart bytes of a part at least; the client's own are 100 MB
 */
export async function ollamaPull(origin: string, name: string, leastPart: number): Promise<Pulled> {
  const accept = mediaTypes.dockerManifest;
  const manifest = await ask(origin, `/v2/${name}/manifests/latest`, { ...ownGet, accept });
  if (manifest.status !== 200)
    throw new Error(`pull model manifest: ${manifest.status} ${String(manifest.bytes)}`);
  const { layers, config } = JSON.parse(manifest.bytes.toString()) as {
    readonly layers: readonly Descriptor[];
    readonly config: Descriptor;
  };
  const pulled = new Map<string, Buffer>();
  for (const { digest } of [...layers, config])
    pulled.set(digest, await blob(origin, `/v2/${name}/blobs/${digest}`, leastPart));
  return pulled;
}

/** The place of a blob, as the client finds it; it leaves once it has the head of the answer. */
export async function ollamaLocation(origin: string, path: string): Promise<string> {
  using client = await RawClient.connect(origin, { deadlineMs });
  client.request('GET', path, ownGet);
  const { status, headers } = await client.head();
  if (status !== 200 && status !== 307) throw new Error(`unexpected status code ${status}`);
  if (headers['location'] === undefined) throw new Error('http: no Location header in response');
  return new URL(headers['location'], new URL(path, origin)).pathname;
}

/** One part of a blob, as the client fetches it. */
export async function ollamaPart(origin: string, path: string, start: number, end: number): Promise<Buffer> {
  using client = await RawClient.connect(origin, { deadlineMs });
  client.request('GET', path, { ...ofParts, range: `bytes=${start}-${end - 1}` });
  const { bytes, complete } = await client.answer();
  // The client writes what it is given; whether that was right is for the digest to say.
  if (!complete) throw new Error('unexpected EOF');
  return bytes;
}

async function blob(origin: string, path: string, leastPart: number): Promise<Buffer> {
  const head = await ask(origin, path, own, 'HEAD');
  if (head.status !== 200) throw new Error(`HEAD ${path}: ${head.status}`);
  const size = Number(head.headers['content-length']);
  const place = await ollamaLocation(origin, path);
  const step = Math.max(leastPart, Math.floor(size / partsAtOnce));
  const starts = Array.from({ length: Math.ceil(size / step) }, (_, index) => index * step);
  const parts: Buffer[] = [];
  for (let first = 0; first < starts.length; first += partsAtOnce) {
    const batch = starts.slice(first, first + partsAtOnce);
    parts.push(
      ...(await Promise.all(
        batch.map((start) => ollamaPart(origin, place, start, Math.min(start + step, size))),
      )),
    );
  }
  return Buffer.concat(parts);
}
