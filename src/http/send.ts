import type { ServerResponse } from 'node:http';
import type { BlobAnswer } from '../mirror/mirror.ts';
import { RegistryError } from '../oci/error.ts';
import type { Logger } from '../telemetry/log.ts';
import { BlobReader, type Chunk } from './blob-reader.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Content } from './content.ts';
import type { Exchange } from './exchange.ts';

/** What one answer sends of a blob. */
interface Sending {
  readonly exchange: Exchange;
  readonly blob: BlobAnswer;
  readonly content: Content;
  readonly buffers: BufferPool;
  readonly logger: Logger;
  /** Writes status and headers. Called once the first bytes are at hand. */
  readonly writeHead: () => void;
}

const empty: Chunk = { prefix: '', loan: { bytes: Buffer.alloc(0), release: () => undefined } };

/**
 * Streams parts of a blob: one chunk is read while the one before it is written. Always closes the blob, and
 * at once when the client leaves, even while a read waits.
 *
 * Rejects with what `read` rejects with as long as nothing has been written, so that it can become a proper
 * error. A later failure cuts the connection, so that a short body is not taken for a whole one.
 */
export async function sendBlob(sending: Sending): Promise<void> {
  const { blob, content, buffers } = sending;
  await using connection = new BlobConnection(sending);
  using reader = new BlobReader(blob, content.parts, buffers);
  let chunk = empty;
  try {
    try {
      if (reader.more()) chunk = await reader.next();
      // Without a byte to hold back, this waits until it is known to be the right blob.
      else await blob.read(Buffer.alloc(0), 0, 0);
    } catch (error) {
      if (connection.closed) return;
      throw error;
    }
    if (connection.closed) return;
    sending.writeHead();
    while (reader.more() && !connection.closed) {
      const writing = connection.send(chunk);
      const reading = reader.next();
      // At once, not when the write is through: a client that does not read must not hold a failed transfer.
      reading.catch((failure: unknown) => connection.fail(failure));
      // Both, always: a buffer may be used again only when nothing reads from it or writes to it.
      const [outcome] = await Promise.allSettled([reading, writing]);
      if (outcome.status === 'rejected') return;
      chunk.loan.release();
      chunk = outcome.value;
    }
    if (!connection.closed) await connection.send(chunk, content.suffix);
  } finally {
    chunk.loan.release();
  }
}

/** The connection that a blob is sent on: when it closes, the blob is closed. */
class BlobConnection implements AsyncDisposable {
  readonly #sending: Sending;
  readonly #outgoing: ServerResponse;
  readonly #onClose = (): void => {
    this.closed = true;
    this.#settle?.();
    void this.#closeBlob();
  };
  /** Whether the connection is closed or cut. */
  closed: boolean;
  #settle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(sending: Sending) {
    this.#sending = sending;
    this.#outgoing = sending.exchange.outgoing;
    this.closed = this.#outgoing.destroyed;
    if (this.closed) void this.#closeBlob();
    else this.#outgoing.once('close', this.#onClose);
  }

  /**
   * Sends a chunk; as the last one, if there is a `suffix`, which may be empty. Resolves when the kernel has
   * taken all of it, which is also the back-pressure, or the connection is closed.
   */
  send({ prefix, loan: { bytes } }: Chunk, suffix?: string): Promise<void> {
    const outgoing = this.#outgoing;
    return new Promise((resolve) => {
      this.#settle = resolve;
      const done = (error?: Error | null): void => {
        if (!this.closed && (error === undefined || error === null)) {
          this.#sending.exchange.bytesSent += prefix.length + bytes.length + (suffix?.length ?? 0);
        }
        resolve();
      };
      // Node gathers what is written in one turn: all of it leaves in one system call.
      if (prefix !== '') outgoing.write(prefix, 'latin1');
      if (suffix === undefined) {
        outgoing.write(bytes, done);
      } else if (suffix === '') {
        outgoing.end(bytes, done);
      } else {
        outgoing.write(bytes);
        outgoing.end(suffix, 'latin1', done);
      }
    });
  }

  /** Cuts the connection, unless the client has left. A chunk under way stays in use until it is closed. */
  fail(failure: unknown): void {
    if (this.closed) return;
    const { exchange, logger } = this.#sending;
    exchange.failure = failure;
    const why = failure instanceof RegistryError ? { reason: failure.message } : { err: failure };
    const { id: requestId, reference: digest } = exchange;
    logger.warn({ ...why, requestId, digest }, 'a blob was cut in mid-body');
    this.#outgoing.destroy();
  }

  /** Lets go of the connection; resolves when the blob is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#outgoing.off('close', this.#onClose);
    await this.#closeBlob();
  }

  #closeBlob(): Promise<void> {
    // The answer is complete or cut by now: a handle that fails to close changes nothing about it.
    this.#closing ??= this.#sending.blob.close().catch(() => undefined);
    return this.#closing;
  }
}
