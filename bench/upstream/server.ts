import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDigest, type Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import type { Content } from './content.ts';
import { imageSchema, paceSchema, type Pace, type Sent } from './control.ts';
import { randomImage, type RandomImage } from './image.ts';
import { Pacer } from './pacer.ts';

/** Bytes written at a time: large where nothing limits the speed, small where turns must be fair. */
const chunkSize = { free: 1024 * 1024, paced: 64 * 1024 } as const;

/** Random bytes that all layers share. */
const noiseSize = 32 * 1024 * 1024;

/**
 * A registry that costs little to ask, and needs no authentication. Images are made at `/control/images`; how
 * fast it sends is set, and what it has sent is told, at `/control/pace`.
 */
class BenchUpstream {
  readonly #noise = randomBytes(noiseSize);
  readonly #images = new Map<string, RandomImage>();
  readonly #sent = new Map<Digest, { bytes: number; requests: number }>();
  #pace: Pace = {};
  #link: Pacer | undefined;
  #connections = new WeakMap<Socket, Pacer>();
  readonly #greeted = new WeakSet<Socket>();

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    if (url.startsWith('/control/')) return this.#control(url, request, response);
    await this.#travel(request.socket);
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    if (url === '/v2/') {
      response.setHeader('Content-Type', 'application/json').end('{}');
      return undefined;
    }
    const [, name = '', kind, reference = ''] =
      /^\/v2\/bench\/([^/]+)\/(manifests|blobs)\/([^/?]+)(?:\?|$)/.exec(url) ?? [];
    const image = this.#images.get(name);
    const digest = reference === 'latest' ? image?.manifestDigest : parseDigest(reference);
    const content = digest === undefined ? undefined : image?.contents.get(digest);
    if (digest !== undefined && content !== undefined) {
      if (kind === 'manifests') response.setHeader('Content-Type', mediaTypes.ociManifest);
      else response.setHeader('Content-Type', 'application/octet-stream').setHeader('Accept-Ranges', 'bytes');
      return this.#send(request, response, digest, content);
    }
    response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"errors":[{"code":"UNKNOWN"}]}');
    return undefined;
  }

  async #control(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url === '/control/images') {
      const { name, layers } = imageSchema.parse(await json(request));
      if (!this.#images.has(name)) this.#images.set(name, randomImage(name, layers, this.#noise));
    } else if (request.method === 'PUT') {
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
    content: Content,
  ): Promise<void> {
    const { size } = content;
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(from ?? 0);
    const end = Math.min(to === undefined || to === '' ? size : Number(to) + 1, size);
    response.setHeader('Docker-Content-Digest', digest).setHeader('ETag', `"${digest}"`);
    if (start >= end) {
      response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end();
      return;
    }
    response.setHeader('Content-Length', end - start);
    if (from !== undefined) {
      response.writeHead(206, { 'Content-Range': `bytes ${start}-${end - 1}/${size}` });
    }
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const count = this.#sent.get(digest) ?? { bytes: 0, requests: 0 };
    this.#sent.set(digest, count);
    count.requests += 1;
    await pipeline(this.#paced(this.#pacers(request.socket), content, start, end, count), response);
  }

  #pacers(socket: Socket): readonly Pacer[] {
    const { connection } = this.#pace;
    if (connection !== undefined && !this.#connections.has(socket)) {
      this.#connections.set(socket, new Pacer(connection));
    }
    const own = connection === undefined ? undefined : this.#connections.get(socket);
    return [own, this.#link].filter((pacer) => pacer !== undefined);
  }

  async *#paced(
    pacers: readonly Pacer[],
    content: Content,
    start: number,
    end: number,
    count: { bytes: number },
  ): AsyncGenerator<Buffer> {
    const size = pacers.length === 0 ? chunkSize.free : chunkSize.paced;
    for (let position = start; position < end;) {
      const chunk = content.read(position, Math.min(size, end - position));
      await Promise.all(pacers.map((pacer) => pacer.carry(chunk.length)));
      count.bytes += chunk.length;
      position += chunk.length;
      yield chunk;
    }
  }
}

const upstream = new BenchUpstream();
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  // A client that leaves in the middle is no failure of this registry's.
  upstream.answer(request, response).catch(() => response.destroy());
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1');
await once(server, 'listening');
