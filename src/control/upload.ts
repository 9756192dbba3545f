import type { ClientRequest } from 'node:http';

/** The body of a request, which the server may answer before it has all of it. */
export class Upload {
  readonly #sent: ClientRequest;
  readonly #over = new AbortController();
  /** Whether the bytes could not be read. */
  failed = false;

  constructor(sent: ClientRequest) {
    this.#sent = sent;
  }

  /**
   * Sends the bytes until there is an answer, and resolves to it. By then no more bytes are being read. Rejects with
   * what `bytes` or `answer` fails with.
   * @param bytes as a ContentSink takes them
   */
  async answered<T>(bytes: AsyncIterable<Uint8Array>, answer: Promise<T>): Promise<T> {
    const sending = this.#send(bytes);
    try {
      return await Promise.race([answer, sending.then(() => answer)]);
    } finally {
      this.#over.abort();
      await sending.catch(() => undefined);
    }
  }

  async #send(bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const { signal } = this.#over;
    const sent = this.#sent;
    try {
      for await (const chunk of bytes) {
        if (signal.aborted) return;
        // One that fills the buffer is sent by the time of the next; a smaller one may still be in it.
        if (sent.write(chunk.length < sent.writableHighWaterMark ? Buffer.from(chunk) : chunk)) continue;
        await this.#drained();
        // The end of the connection is the answer's to tell.
        if (sent.destroyed) return;
      }
      sent.end();
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }

  /** Resolves when there is room for more, or there will be none. */
  #drained(): Promise<void> {
    const { signal } = this.#over;
    const sent = this.#sent;
    return new Promise((resolve) => {
      const done = (): void => {
        sent.off('drain', done).off('close', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      sent.once('drain', done).once('close', done);
      signal.addEventListener('abort', done);
      if (sent.destroyed || signal.aborted) done();
    });
  }
}
