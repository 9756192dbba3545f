import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { parseDigest, type Digest } from '../../src/oci/digest.ts';
import { paceSchema, type Pace, type Sent } from './control.ts';
import { randomImage } from './image.ts';
import { Pacer } from './pacer.ts';

/** Bytes written at a time: large where nothing limits the speed, small where turns must be fair. */
const chunkSize = { free: 1024 * 1024, paced: 64 * 1024 } as const;

/**
 * A registry that costs little to ask: one image, held in memory, no authentication. How fast it sends is set, and
 * what it has sent is told, at `/control`.
 */
class BenchUpstream {
  readonly #image;
  readonly #sent = new Map<Digest, { bytes: number; requests: number }>();
  #pace: Pace = {};
  #link: Pacer | undefined;
  #connections = new WeakMap<Socket, Pacer>();
  readonly #greeted = new WeakSet<Socket>();

  constructor(layerSizes: readonly number[]) {
    this.#image = randomImage(layerSizes);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    if (url === '/control') return this.#control(request, response);
    await this.#travel(request.socket);
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    if (url === '/v2/') {
      response.setHeader('Content-Type', 'application/json').end('{}');
      return undefined;
    }
    const [, kind, reference = ''] = /^\/v2\/bench\/image\/(manifests|blobs)\/([^/?]+)$/.exec(url) ?? [];
    const digest = parseDigest(reference);
    const { manifest, manifestDigest, blobs } = this.#image;
    if (kind === 'manifests' && (reference === 'latest' || digest === manifestDigest)) {
      response.setHeader('Content-Type', mediaTypes.ociManifest);
      return this.#send(request, response, manifestDigest, manifest);
    }
    const blob = digest === undefined ? undefined : blobs.get(digest);
    if (kind === 'blobs' && digest !== undefined && blob !== undefined) {
      response.setHeader('Content-Type', 'application/octet-stream').setHeader('Accept-Ranges', 'bytes');
      return this.#send(request, response, digest, blob);
    }
    response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"errors":[{"code":"UNKNOWN"}]}');
    return undefined;
  }

  async #control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'PUT') {
      this.#pace = paceSchema.parse(await json(request));
      this.#link = this.#pace.link === undefined ? undefined : new Pacer(this.#pace.link);
      this.#connections = new WeakMap();
      this.#sent.clear();
    }
    const sent: Sent = Object.fromEntries(this.#sent);
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(sent));
  }

  /** Waits as long as a request and its answer are on the way; TCP's handshake is one more round trip. */
  async #travel(socket: Socket): Promise<void> {
    const { latency } = this.#pace;
    if (latency === undefined) return;
    const roundTrips = this.#greeted.has(socket) ? 1 : 2;
    this.#greeted.add(socket);
    await sleep(roundTrips * latency);
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    digest: Digest,
    whole: Buffer,
  ): Promise<void> {
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(from ?? 0);
    const end = Math.min(to === undefined || to === '' ? whole.length : Number(to) + 1, whole.length);
    response.setHeader('Docker-Content-Digest', digest).setHeader('ETag', `"${digest}"`);
    if (start >= end) {
      response.writeHead(416, { 'Content-Range': `bytes */${whole.length}` }).end();
      return;
    }
    response.setHeader('Content-Length', end - start);
    if (from !== undefined) {
      response.writeHead(206, { 'Content-Range': `bytes ${start}-${end - 1}/${whole.length}` });
    }
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const count = this.#sent.get(digest) ?? { bytes: 0, requests: 0 };
    this.#sent.set(digest, count);
    count.requests += 1;
    const body = this.#paced(this.#pacers(request.socket), whole.subarray(start, end), count);
    await pipeline(body, response);
  }

  #pacers(socket: Socket): readonly Pacer[] {
    const { connection } = this.#pace;
    if (connection !== undefined && !this.#connections.has(socket)) {
      this.#connections.set(socket, new Pacer(connection));
    }
    const own = connection === undefined ? undefined : this.#connections.get(socket);
    return [own, this.#link].filter((pacer) => pacer !== undefined);
  }

  async *#paced(pacers: readonly Pacer[], bytes: Buffer, count: { bytes: number }): AsyncGenerator<Buffer> {
    const size = pacers.length === 0 ? chunkSize.free : chunkSize.paced;
    for (let position = 0; position < bytes.length; position += size) {
      const chunk = bytes.subarray(position, position + size);
      await Promise.all(pacers.map((pacer) => pacer.carry(chunk.length)));
      count.bytes += chunk.length;
      yield chunk;
    }
  }
}

const [port = '0', ...layerSizes] = process.argv.slice(2);
const upstream = new BenchUpstream(layerSizes.map(Number));
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  // A client that leaves in the middle is no failure of this registry's.
  upstream.answer(request, response).catch(() => response.destroy());
});
server.listen(Number(port), '127.0.0.1');
await once(server, 'listening');
