import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/**
 * What is read is thrown away, so that all streams read into the same place, which stays in the CPU's cache.
 * Large reads: with 64 streams they cost this client half the CPU time of those of 256 KiB into a buffer
 * each.
 */
const sink = Buffer.allocUnsafe(1024 * 1024);

/** Suites of TLS 1.3 in the order of Go's clients, dockerd among them; Node's own begins with AES-256. */
const ciphers = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';

/** How far ahead of its rate a slow stream may be before it waits, in milliseconds: timers are no finer. */
const rateSlack = 5;

export interface StreamOptions {
  /** What to ask for on the same connection once a body is in; nothing when it is undefined, or not given. */
  readonly next?: () => URL | undefined;
  /** Authority that signed the server's certificate, PEM; needed for `https:`. */
  readonly ca?: string | undefined;
  /** Bytes a second that it takes at most. */
  readonly rate?: number;
  /** Ends it with an error when it is aborted. */
  readonly signal?: AbortSignal;
}

/** The length of the body that follows `head`, the status line and header of an HTTP/1.1 response. */
export function bodyLength(head: string): number {
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (status !== '200' || length === undefined) throw new Error(`not a whole body: ${head}`);
  return Number(length);
}

/**
 * One connection that asks for URLs and throws away what comes. It does as little as a client can: curl and
 * wrk read in small pieces, and are slower than the peers that they would measure.
 */
export class Stream {
  readonly #socket: Socket;
  readonly #options: StreamOptions;
  readonly #startedAt = performance.now();
  #url: URL;
  #head = '';
  #remaining = 0;
  #finished = false;
  /** Resolves when there is nothing more to ask for, or when it was told to finish. */
  readonly ended: Promise<void>;
  /** Bytes of bodies so far. */
  bytes = 0;
  /** How long it took from the beginning to the end. */
  seconds = 0;
  /** Version and cipher suite; none of a connection without TLS. */
  cipher: string | undefined;

  constructor(url: URL, options: StreamOptions = {}) {
    this.#url = url;
    this.#options = options;
    this.#socket = this.#connect();
    const { signal } = options;
    const abort = (): void => {
      this.finish(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    signal?.addEventListener('abort', abort);
    this.ended = new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.once('close', () => {
        signal?.removeEventListener('abort', abort);
        this.seconds = (performance.now() - this.#startedAt) / 1000;
        if (this.#finished) resolve();
        else reject(new Error(`${this.#url.href} ended ${this.#remaining} bytes early`));
      });
    });
    this.#ask(url);
  }

  finish(reason?: Error): void {
    this.#finished = reason === undefined;
    this.#socket.destroy(reason);
  }

  #connect(): Socket {
    const { hostname, port, protocol } = this.#url;
    const to = {
      host: hostname,
      port: Number(port),
      onread: {
        buffer: sink,
        callback: (length: number): boolean => {
          this.#read(length);
          return !this.#finished && this.#keepsRate();
        },
      },
    };
    if (protocol !== 'https:') return connect({ ...to, noDelay: true });
    const { ca } = this.#options;
    // The types of Node leave out that `onread` is good for TLS as well.
    const overTls: ConnectionOptions & typeof to = { ...to, ca, ciphers };
    const socket = connectTls(overTls);
    socket.setNoDelay(true);
    socket.once('secureConnect', () => {
      this.cipher = `${socket.getProtocol() ?? ''} ${socket.getCipher().name}`;
    });
    return socket;
  }

  #ask(url: URL): void {
    this.#url = url;
    this.#socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: application/vnd.oci.image.manifest.v1+json, */*\r\n\r\n`,
    );
  }

  /** Whether to read on at once; otherwise reading goes on when that is within the rate. */
  #keepsRate(): boolean {
    const { rate } = this.#options;
    if (rate === undefined) return true;
    const ahead = this.#startedAt + (this.bytes / rate) * 1000 - performance.now();
    if (ahead < rateSlack) return true;
    setTimeout(() => this.#socket.resume(), ahead);
    return false;
  }

  #read(length: number): void {
    if (this.#remaining > 0) {
      this.#body(length);
      return;
    }
    this.#head += sink.toString('latin1', 0, length);
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
    const next = this.#options.next?.();
    if (next === undefined) this.finish();
    else this.#ask(next);
  }
}
