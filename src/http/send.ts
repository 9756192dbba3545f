import type { ServerResponse } from 'node:http';
import { Pieces, type Piece, type PiecesOptions } from './pieces.ts';
import { Transfer } from './transfer.ts';

/** What one answer sends of a blob, and where it goes. */
export interface Sending extends PiecesOptions {
  readonly outgoing: ServerResponse;
  /** Goes after the last part. */
  readonly trail: string;
  /** Writes status and headers. Called once the first bytes are at hand. */
  readonly writeHead: () => void;
  /** Told of body bytes that went out. */
  readonly onSent: (bytes: number) => void;
  /** Told why the answer is cut after its head went out. Not told of clients that leave. */
  readonly onFailure: (failure: unknown) => void;
}

const nothing: Piece = { lead: '', loan: { bytes: Buffer.alloc(0), release: () => undefined } };

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
  const pieces = new Pieces(sending);
  let piece = nothing;
  const fail = (failure: unknown): void => {
    if (transfer.closed) return;
    sending.onFailure(failure);
    transfer.cut();
  };
  buffers.enter();
  try {
    try {
      if (pieces.more()) piece = await pieces.next();
      // With no byte to send there is none to be held back: that it is the right blob is waited for here.
      else await blob.read(Buffer.alloc(0), 0, 0);
    } catch (error) {
      if (transfer.closed) return;
      throw error;
    }
    if (transfer.closed) return;
    sending.writeHead();
    while (pieces.more() && !transfer.closed) {
      const writing = transfer.write(piece.lead, piece.loan.bytes);
      const reading = pieces.next();
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
