import { connect, type Socket } from 'node:net';
import { within } from './deadline.ts';

/** The start of an answer, as it came over the wire. */
export interface RawHead {
  readonly status: number;
  /** Lower-case names; values of repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What arrived of a body, and whether that was all of it. */
export interface RawBody {
  /** Chunked coding undone. */
  readonly bytes: Buffer;
  /** Content-Length reached, or the last chunk seen: what a client would take for a whole answer. */
  readonly complete: boolean;
}

export interface RawAnswer extends RawHead, RawBody {}

export interface RawClientOptions {
  /** Milliseconds that any single wait may take; 5000 if not given. */
  readonly deadlineMs?: number;
}

/**
 * An HTTP client that sends just what it is told to, reads only as much as it is told to, and leaves as
 * rudely as it is told to.
 */
export class RawClient implements Disposable {
  readonly #socket: Socket;
  readonly #deadlineMs: number;
  /** What has been read from the socket and not been taken yet. */
  #parts: Buffer[] = [];
  #length = 0;
  #ended = false;
  #wake: () => void = () => undefined;
  #lastMethod = '';

  private constructor(socket: Socket, deadlineMs: number) {
    this.#socket = socket;
    this.#deadlineMs = deadlineMs;
    socket.on('readable', () => this.#wake());
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end);
    socket.on('close', end);
    // A reset is an end like any other: what counts is how much came before it.
    socket.on('error', end);
  }

  /** Connects to the host and port of an origin such as `http://127.0.0.1:5000`. */
  static async connect(origin: string, options: RawClientOptions = {}): Promise<RawClient> {
    const { hostname, port } = new URL(origin);
    const deadlineMs = options.deadlineMs ?? 60_000;
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('connect', resolve);
    socket.once('error', reject);
    try {
      await within(deadlineMs, `connection to ${origin}`, promise);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    socket.off('error', reject);
    return new RawClient(socket, deadlineMs);
  }

  /** Whether the other side has ended or reset the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends text as it stands. */
  send(text: string): void {
    this.#lastMethod = /^[A-Z]+(?= )/.exec(text)?.[0] ?? this.#lastMethod;
    this.#socket.write(text);
  }

  /** Sends a request without a body. `Host` is added. */
  request(method: string, path: string, headers: Readonly<Record<string, string>> = {}): void {
    const lines = Object.entries({ host: 'test', ...headers }).map(([name, value]) => `${name}: ${value}`);
    this.send([`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
  }

  /** Reads the head of an answer and nothing after it. */
  async head(): Promise<RawHead> {
    let end = -1;
    await this.#until('the head of an answer', () => {
      end = this.#peek().indexOf('\r\n\r\n');
      return end >= 0;
    });
    if (end < 0) throw new Error('the connection ended before the head of an answer');
    const [statusLine = '', ...lines] = this.#take(end + 4)
      .toString('latin1')
      .trimEnd()
      .split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      const before = headers[name];
      headers[name] = before === undefined ? value : `${before}, ${value}`;
    }
    return { status: Number(statusLine.split(' ')[1]), headers };
  }

  /** Reads exactly `length` bytes as they come over the wire; fewer only if the connection ends first. */
  async read(length: number): Promise<Buffer> {
    await this.#until(`${length} bytes`, () => this.#length >= length);
    return this.#take(Math.min(length, this.#length));
  }

  /** Reads the rest of an answer whose head was read, however it ends. */
  async body({ status, headers }: RawHead): Promise<RawBody> {
    const none = this.#lastMethod === 'HEAD' || status === 204 || status === 304;
    if (none) return { bytes: Buffer.alloc(0), complete: true };
    if (headers['transfer-encoding'] === 'chunked') return this.#chunks();
    const length = headers['content-length'];
    if (length === undefined) {
      await this.#until('the end of the connection', () => false);
      return { bytes: this.#take(this.#length), complete: false };
    }
    const bytes = await this.read(Number(length));
    return { bytes, complete: bytes.length === Number(length) };
  }

  /** Reads a whole answer, or as much of it as comes. */
  async answer(): Promise<RawAnswer> {
    const head = await this.head();
    return { ...head, ...(await this.body(head)) };
  }

  /** Resolves when the other side ends or resets the connection; what comes until then stays to be read. */
  async closed(): Promise<void> {
    await this.#until('the end of the connection', () => false);
  }

  /** Leaves with a reset (RST), as a killed client does. */
  abort(): void {
    this.#socket.resetAndDestroy();
  }

  /** Ends its own side (FIN) and goes on reading. */
  halfClose(): void {
    this.#socket.end();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #chunks(): Promise<RawBody> {
    const parts: Buffer[] = [];
    for (;;) {
      let end = -1;
      await this.#until('the size of a chunk', () => {
        end = this.#peek().indexOf('\r\n');
        return end >= 0;
      });
      if (end < 0) return { bytes: Buffer.concat(parts), complete: false };
      const size = Number.parseInt(this.#take(end + 2).toString('latin1'), 16);
      const chunk = await this.read(size + 2);
      parts.push(chunk.subarray(0, size));
      if (chunk.length < size + 2) return { bytes: Buffer.concat(parts), complete: false };
      if (size === 0) return { bytes: Buffer.concat(parts), complete: true };
    }
  }

  /** Pulls from the socket until `enough` holds or the connection has ended. */
  async #until(label: string, enough: () => boolean): Promise<void> {
    while (!enough()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk !== null) {
        this.#parts.push(chunk);
        this.#length += chunk.length;
      } else if (this.#ended) {
        return;
      } else {
        await within(this.#deadlineMs, label, promise);
      }
    }
  }

  #take(length: number): Buffer {
    const all = this.#peek();
    this.#parts = [all.subarray(length)];
    this.#length -= length;
    return all.subarray(0, length);
  }

  #peek(): Buffer {
    const [first] = this.#parts;
    const all = first !== undefined && this.#parts.length === 1 ? first : Buffer.concat(this.#parts);
    this.#parts = [all];
    return all;
  }
}
