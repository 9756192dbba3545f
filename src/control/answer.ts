import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { CareError } from '../cache/care/care-error.ts';
import type { ByteSource } from '../cache/transfer/image-source.ts';
import { sendContent } from './content-answer.ts';
import { contentType, errorLine, printLine, type Line } from './lines.ts';

/** How the work behind an answer ended; `cut`: the client or the server went away before. */
export type Outcome = 'done' | 'failed' | 'cut';

/** In characters. */
const bufferLength = 64 * 1024;

/** One answer: items as lines, as fast as the client reads them. */
export class Answer {
  readonly #response: ServerResponse;
  readonly #over = new AbortController();
  #buffered = '';
  #flushing: NodeJS.Immediate | undefined;
  /** Whether it has bytes of a content, among which no line can stand. */
  #hasContent = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.once('close', () => this.#over.abort());
  }

  /** Sends an error instead of items. */
  refuse(status: number, error: CareError): void {
    this.#head(status);
    this.#end(errorLine(error));
  }

  /**
   * Sends items until they end; stops asking for them when the client is gone. Never rejects.
   *
   * @param toCareError what the client is told of an error
   */
  async send(items: AsyncIterable<unknown>, toCareError: (error: unknown) => CareError): Promise<Outcome> {
    const { signal } = this.#over;
    try {
      this.#head(200);
      for await (const item of items) {
        if (signal.aborted) return 'cut';
        await this.#write(printLine({ item }));
      }
      if (signal.aborted) return 'cut';
      this.#end({ end: true });
      return 'done';
    } catch (error) {
      if (signal.aborted) return 'cut';
      this.#end(errorLine(toCareError(error)));
      return 'failed';
    }
  }

  /**
   * Sends the rest of a content instead of items; undefined: it is not cached. Never rejects.
   *
   * @param toCareError also logs an error, which can be told by nothing but the end of the connection
   */
  async sendContent(
    open: () => Promise<ByteSource | undefined>,
    offset: number,
    toCareError: (error: unknown) => CareError,
  ): Promise<void> {
    try {
      await using source = await open();
      if (this.#over.signal.aborted) return;
      if (source === undefined) {
        this.#response.writeHead(204).end();
      } else if (offset > source.size) {
        this.refuse(400, new CareError('invalid', `the content has only ${source.size} bytes`));
      } else {
        this.#hasContent = true;
        await sendContent(this.#response, source, source.size - offset);
      }
    } catch (error) {
      const told = toCareError(error);
      if (!this.#response.headersSent) this.refuse(500, told);
    }
  }

  /** Ends it before its time. The work behind it stops with its next item. */
  cut(reason: CareError): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    if (this.#hasContent) this.#response.destroy();
    else this.#end(errorLine(reason));
  }

  #head(status: number): void {
    this.#response.writeHead(status, { 'Content-Type': contentType });
    this.#response.flushHeaders();
  }

  /** Buffers what comes in one turn of the event loop. Resolves when there is room for more. */
  async #write(line: string): Promise<void> {
    this.#buffered += line;
    if (this.#buffered.length < bufferLength) this.#flushing ??= setImmediate(() => this.#flush());
    else this.#flush();
    if (this.#response.writableNeedDrain) await once(this.#response, 'drain', this.#over);
  }

  #flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#buffered !== '' && !this.#response.writableEnded) this.#response.write(this.#buffered);
    this.#buffered = '';
  }

  #end(line: Line): void {
    this.#flush();
    this.#response.end(printLine(line));
  }
}
