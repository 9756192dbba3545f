import { connect, type Socket } from 'node:net';

/** Bytes that a stream reads at a time, into one buffer of its own. */
const readSize = 256 * 1024;

/** How long all of a load may take, in milliseconds, beyond the time that it is asked to last. */
const patience = 300_000;

/** What came of a load. */
export interface Drained {
  /** Bytes of bodies. */
  readonly bytes: number;
  readonly seconds: number;
}

/** The length of the body that follows `head`, the status line and header of an HTTP/1.1 response. */
export function bodyLength(head: string): number {
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (status !== '200' || length === undefined) throw new Error(`not a whole body: ${head}`);
  return Number(length);
}

/**
 * One connection that asks for a URL again and again and throws away what comes. It does as little as a client can:
 * curl and wrk read in small pieces, and are slower than the peers that they would measure.
 */
class Stream {
  readonly #request: string;
  readonly #again: () => boolean;
  readonly #socket: Socket;
  readonly ended: Promise<void>;
  #head = '';
  #remaining = 0;
  #finished = false;
  /** Bytes of bodies so far. */
  bytes = 0;

  constructor(url: URL, again: () => boolean) {
    this.#request = `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: */*\r\n\r\n`;
    this.#again = again;
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(readSize),
        callback: (length, buffer) => {
          this.#read(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return !this.#finished;
        },
      },
    });
    this.ended = new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.once('close', () => {
        if (this.#finished) resolve();
        else reject(new Error(`${url.href} ended ${this.#remaining} bytes early`));
      });
    });
    this.#socket.write(this.#request);
  }

  finish(reason?: Error): void {
    this.#finished = reason === undefined;
    this.#socket.destroy(reason);
  }

  #read(chunk: Buffer): void {
    if (this.#remaining > 0) {
      this.#body(chunk.length);
      return;
    }
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const early = this.#head.length - end - 4;
    try {
      this.#remaining = bodyLength(this.#head.slice(0, end));
    } catch (error) {
      this.finish(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#head = '';
    this.#body(early);
  }

  #body(length: number): void {
    this.bytes += length;
    this.#remaining -= length;
    if (this.#remaining > 0) return;
    if (this.#again()) this.#socket.write(this.#request);
    else this.finish();
  }
}

async function all(streams: readonly Stream[], startedAt: number): Promise<Drained> {
  const alarm = setTimeout(() => {
    for (const stream of streams) stream.finish(new Error(`no end after ${patience / 1000} s`));
  }, patience);
  try {
    await Promise.all(streams.map(({ ended }) => ended));
  } finally {
    clearTimeout(alarm);
    for (const stream of streams) stream.finish();
  }
  const bytes = streams.reduce((sum, stream) => sum + stream.bytes, 0);
  return { bytes, seconds: (performance.now() - startedAt) / 1000 };
}

/** Downloads `url` once over each of `count` connections that start together; lasts until the last one has it. */
export async function drainOnce(url: URL, count = 1): Promise<Drained> {
  const startedAt = performance.now();
  return all(
    Array.from({ length: count }, () => new Stream(url, () => false)),
    startedAt,
  );
}

/** Downloads `url` over `count` connections, again and again for `seconds`. */
export async function drainFor(url: URL, count: number, seconds: number): Promise<Drained> {
  const startedAt = performance.now();
  const streams = Array.from({ length: count }, () => new Stream(url, () => true));
  const end = setTimeout(() => {
    for (const stream of streams) stream.finish();
  }, seconds * 1000);
  try {
    return await all(streams, startedAt);
  } finally {
    clearTimeout(end);
  }
}
