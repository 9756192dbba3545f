import type { ServerResponse } from 'node:http';
import type { BlobAnswer } from '../mirror/mirror.ts';

/** Ties a blob to the connection it is sent on: when the connection closes, the blob is closed. */
export class Transfer {
  readonly #outgoing: ServerResponse;
  readonly #blob: BlobAnswer;
  readonly #onSent: (bytes: number) => void;
  readonly #onClose = (): void => {
    this.#closed = true;
    this.#settle?.();
    void this.#closeBlob();
  };
  #closed: boolean;
  #settle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(outgoing: ServerResponse, blob: BlobAnswer, onSent: (bytes: number) => void) {
    this.#outgoing = outgoing;
    this.#blob = blob;
    this.#onSent = onSent;
    this.#closed = outgoing.destroyed;
    if (this.#closed) void this.#closeBlob();
    else outgoing.once('close', this.#onClose);
  }

  /** Whether the connection is gone, or cut. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends `chunk`, behind a text in ASCII. Resolves when the kernel has taken all of it, which is also the back-pressure, or
   * the connection is closed.
   */
  write(lead: string, chunk: Buffer): Promise<void> {
    return this.#settled(lead.length + chunk.length, (done) => {
      // Node gathers what is written in one turn: both leave in one system call.
      if (lead !== '') this.#outgoing.write(lead, 'latin1');
      this.#outgoing.write(chunk, done);
    });
  }

  /** As {@link write}, for the last chunk, and for a text behind it. */
  end(lead: string, chunk: Buffer, trail: string): Promise<void> {
    return this.#settled(lead.length + chunk.length + trail.length, (done) => {
      if (lead !== '') this.#outgoing.write(lead, 'latin1');
      if (trail === '') {
        this.#outgoing.end(chunk, done);
      } else {
        this.#outgoing.write(chunk);
        this.#outgoing.end(trail, 'latin1', done);
      }
    });
  }

  /** Destroys the connection. A chunk under way stays in use until it is closed. */
  cut(): void {
    this.#outgoing.destroy();
  }

  /** Lets go of both ends; resolves when the blob is closed. */
  async release(): Promise<void> {
    this.#outgoing.off('close', this.#onClose);
    await this.#closeBlob();
  }

  #settled(length: number, send: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      send((error) => {
        if (!this.#closed && (error === undefined || error === null)) this.#onSent(length);
        resolve();
      });
    });
  }

  #closeBlob(): Promise<void> {
    // The answer is complete or cut by now: a handle that fails to close changes nothing about it.
    this.#closing ??= this.#blob.close().catch(() => undefined);
    return this.#closing;
  }
}
