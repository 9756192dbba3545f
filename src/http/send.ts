import type { ServerResponse } from 'node:http';
import type { BlobAnswer, Loan } from '../mirror/mirror.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Part } from './content.ts';
import { Transfer } from './transfer.ts';

/** What one answer sends of a blob, and where it goes. */
export interface Sending {
  readonly outgoing: ServerResponse;
  readonly blob: BlobAnswer;
  /** In the order in which they are sent. */
  readonly parts: Iterable<Part>;
  /** Goes after the last part. */
  readonly trail: string;
  readonly buffers: BufferPool;
  /** Writes status and headers. Called once the first bytes are at hand. */
  readonly writeHead: () => void;
  /** Told of body bytes that went out. */
  readonly onSent: (bytes: number) => void;
  /** Told why the answer is cut after its head went out. Not told of clients that leave. */
  readonly onFailure: (failure: unknown) => void;
}

/** A blob that ends before the size it stated. */
class ShortBlobError extends Error {
  override readonly name = 'ShortBlobError';
  readonly code = 'SHORT_BLOB';
}

/** Bytes, and the text that goes before them. */
interface Piece {
  readonly lead: string;
  readonly loan: Loan;
}

const nothing: Piece = { lead: '', loan: { bytes: Buffer.alloc(0), release: () => undefined } };

/** What is read at a time of a blob that is still arriving, in bytes: most of it is borrowed, and there may be very many readers. */
const arrivingBytes = 512 * 1024;

/**
 * Streams stretches of a blob: one chunk is read while the one before it is written. Closes the blob in every case, and at
 * once when the client leaves, even while a read waits.
 *
 * Rejects with what `read` rejects with as long as nothing has been written, so that it can become a proper error.
 * A later failure cuts the connection, so that nobody takes a short body for a whole one.
 */
export async function sendBlob(sending: Sending): Promise<void> {
  const { blob, trail, buffers } = sending;
  const transfer = new Transfer(sending.outgoing, blob, sending.onSent);
  const atATime = blob.result === 'hit' ? Infinity : arrivingBytes;
  const parts = sending.parts[Symbol.iterator]();
  let lead = '';
  let position = 0;
  let end = 0;
  let piece = nothing;
  /** Where the part ends, or the blob where that comes first: its size may come to be known only on the way. */
  const until = (): number => Math.min(end, blob.size ?? Infinity);
  /** Whether there is more to read, at `position`. */
  const more = (): boolean => {
    while (position >= until()) {
      const following = parts.next();
      if (following.done === true) return false;
      const { span } = following.value;
      ({ lead } = following.value);
      position = span.start;
      ({ end } = span);
    }
    return true;
  };
  const next = async (): Promise<Piece> => {
    const before = lead;
    lead = '';
    const wanted = end - position;
    const loan = (await blob.borrow(wanted, position)) ?? (await read(Math.min(wanted, atATime)));
    position += loan.bytes.length;
    return { lead: before, loan };
  };
  const read = async (wanted: number): Promise<Loan> => {
    const buffer = buffers.acquire(wanted);
    const release = (): void => buffers.release(buffer);
    try {
      const count = await blob.read(buffer, Math.min(buffer.length, wanted), position);
      if (count === 0 && position < until())
        throw new ShortBlobError(`the blob ended at byte ${position} of ${until()}`);
      return { bytes: buffer.subarray(0, count), release };
    } catch (error) {
      release();
      throw error;
    }
  };
  const fail = (failure: unknown): void => {
    if (transfer.closed) return;
    sending.onFailure(failure);
    transfer.cut();
  };
  buffers.enter();
  try {
    try {
      if (more()) piece = await next();
      // With no byte to send there is none to be held back: that it is the right blob is waited for here.
      else await blob.read(Buffer.alloc(0), 0, 0);
    } catch (error) {
      if (transfer.closed) return;
      throw error;
    }
    if (transfer.closed) return;
    sending.writeHead();
    while (more() && !transfer.closed) {
      const writing = transfer.write(piece.lead, piece.loan.bytes);
      const reading = next();
      // Heard at once, not when the write is through: a client that does not read must not hold a failed transfer.
      reading.catch(fail);
      // Both, always: a buffer may be used again only when nobody reads from it or writes to it.
      const [outcome] = await Promise.allSettled([reading, writing]);
      if (outcome.status === 'rejected') return;
      piece.loan.release();
      piece = outcome.value;
    }
    if (!transfer.closed) await transfer.end(piece.lead, piece.loan.bytes, trail);
  } finally {
    await transfer.release();
    piece.loan.release();
    buffers.leave();
  }
}
