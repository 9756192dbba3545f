import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { contentAnswer } from './fake-answer.ts';
import type { Content } from './image.ts';
import { close, listen } from './local-server.ts';

/** A request to the registry or its storage, and what it got. */
interface ModelRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  bytesSent: number;
}

/**
 * A registry as users report Ollama's: `/v2/` is 404 (ollama#6510), manifests come as `text/plain`, chunked
 * and without a digest (ollama#6470), HEAD of one is 405 (oras-go#882), by its digest it is 500
 * (ollama#5298), and blobs are redirected to a storage on another host, which gives ranges.
 */
export class FakeModelRegistry implements AsyncDisposable {
  readonly requests: ModelRequest[] = [];
  readonly #manifests = new Map<string, Buffer>();
  readonly #blobs = new Map<string, Buffer>();
  readonly #registry = createServer((incoming, outgoing) => this.#answer(incoming, outgoing));
  readonly #storage = createServer((incoming, outgoing) => {
    void this.#store(incoming, outgoing);
  });
  #registryAt = '';
  #storageAt = '';
  /** Where answers of the storage wait, and from which byte of a blob on. */
  #gate: { readonly from: number; readonly open: Promise<void> } | undefined;

  static async start(): Promise<FakeModelRegistry> {
    const registry = new FakeModelRegistry();
    registry.#registryAt = await listen(registry.#registry);
    registry.#storageAt = await listen(registry.#storage, '127.0.0.2');
    return registry;
  }

  get url(): string {
    return `http://${this.#registryAt}`;
  }

  /** Makes a manifest known by its tag, and the blobs of it. */
  add(repository: string, tag: string, manifest: Content, blobs: readonly Content[]): void {
    this.#manifests.set(`/v2/${repository}/manifests/${tag}`, manifest.bytes);
    for (const { digest, bytes } of blobs) this.#blobs.set(digest, bytes);
  }

  /** Lets the storage give nothing of a blob past a byte, until the function returned is called. */
  holdFrom(byte: number): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = { from: byte, open: promise };
    return () => {
      this.#gate = undefined;
      resolve();
    };
  }

  /** Bytes of a blob that went out, over all answers. */
  bytesSent(digest: string): number {
    return this.requests
      .filter(({ path }) => path.endsWith(digest))
      .reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  }

  /** Refuses connections from now on. */
  async down(): Promise<void> {
    await Promise.all([this.#registry, this.#storage].map(close));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  #answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = '', url: path = '' } = incoming;
    this.#log(incoming);
    const manifest = this.#manifests.get(path);
    const [, digest = ''] = /^\/v2\/.+\/blobs\/([^/]+)$/.exec(path) ?? [];
    if (manifest !== undefined) {
      if (method === 'HEAD') {
        outgoing.writeHead(405).end();
        return;
      }
      // Without a Content-Length, Node sends it chunked.
      outgoing.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      outgoing.end(manifest);
      return;
    }
    if (path.includes('/manifests/sha256:')) {
      outgoing.writeHead(500).end();
      return;
    }
    if (path.includes('/manifests/')) {
      outgoing.writeHead(404, { 'content-type': 'application/json' });
      outgoing.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}\n');
      return;
    }
    const bytes = this.#blobs.get(digest);
    if (bytes === undefined) {
      outgoing.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
      return;
    }
    if (method === 'HEAD') {
      outgoing.writeHead(200, { 'content-length': bytes.length }).end();
      return;
    }
    outgoing.writeHead(307, { location: `http://${this.#storageAt}/ollama/${digest}` }).end();
  }

  async #store(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const entry = this.#log(incoming);
    const digest = entry.path.slice('/ollama/'.length);
    const whole = this.#blobs.get(digest) ?? Buffer.alloc(0);
    const { status, headers, body, offset } = contentAnswer({
      bytes: whole,
      digest,
      range: entry.range,
      ifNoneMatch: undefined,
      headers: { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes' },
    });
    outgoing.writeHead(status, { ...headers, 'content-length': body.length });
    const gate = this.#gate;
    const free = gate === undefined ? body.length : Math.min(body.length, Math.max(0, gate.from - offset));
    send(outgoing, entry, body.subarray(0, free));
    if (free < body.length) {
      await gate?.open;
      send(outgoing, entry, body.subarray(free));
    }
    outgoing.end();
  }

  #log({ method = '', url = '', headers: { range } }: IncomingMessage): ModelRequest {
    const entry = { method, path: url, range, bytesSent: 0 };
    this.requests.push(entry);
    return entry;
  }
}

function send(outgoing: ServerResponse, entry: ModelRequest, bytes: Uint8Array): void {
  entry.bytesSent += bytes.length;
  outgoing.write(bytes);
}
