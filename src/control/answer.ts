import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { CareError } from '../cache/care/care-error.ts';
import { contentType, endLine, errorLine, itemLine } from './lines.ts';

/** How the work behind an answer ended: it was done, it failed, or the client or the server went away before. */
export type Outcome = 'done' | 'failed' | 'cut';

/** Lines up to so many characters are gathered before they are written. */
const maxGathered = 64 * 1024;

/** One answer: items as lines, as fast as the client reads them. */
export class Answer {
  readonly #response: ServerResponse;
  readonly #over = new AbortController();
  #gathered = '';
  #flush: NodeJS.Immediate | undefined;

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
        await this.#write(itemLine(item));
      }
      if (signal.aborted) return 'cut';
      this.#end(endLine);
      return 'done';
    } catch (error) {
      if (signal.aborted) return 'cut';
      this.#end(errorLine(toCareError(error)));
      return 'failed';
    }
  }

  /** Ends it before its time. The work behind it stops with its next item. */
  cut(reason: CareError): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#end(errorLine(reason));
  }

  #head(status: number): void {
    this.#response.writeHead(status, { 'Content-Type': contentType });
    this.#response.flushHeaders();
  }

  /** Resolves when there is room for more. */
  async #write(line: string): Promise<void> {
    this.#gathered += line;
    if (this.#gathered.length < maxGathered) this.#flush ??= setImmediate(() => this.#flushNow());
    else this.#flushNow();
    if (this.#response.writableNeedDrain) await once(this.#response, 'drain', this.#over);
  }

  #flushNow(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    if (this.#gathered !== '' && !this.#response.writableEnded) this.#response.write(this.#gathered);
    this.#gathered = '';
  }

  #end(line: string): void {
    this.#flushNow();
    this.#response.end(line);
  }
}
