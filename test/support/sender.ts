import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Answer } from './fake-answer.ts';
import type { FaultKind } from './faults.ts';
import type { BandwidthLimit } from './bandwidth-limit.ts';
import type { LoggedRequest } from './request-log.ts';

/** The size of writes without a limit, in bytes. */
const unlimitedPiece = 512 * 1024;

/**
 * Puts one answer on the wire, at the pace of its limits, as far as a fault lets it, and keeps its log entry.
 */
export class Sender {
  readonly #response: ServerResponse;
  readonly #entry: LoggedRequest;
  readonly #limits: readonly BandwidthLimit[];

  constructor(response: ServerResponse, entry: LoggedRequest, limits: readonly BandwidthLimit[]) {
    this.#response = response;
    this.#entry = entry;
    this.#limits = limits;
  }

  async send(answer: Answer, fault: FaultKind | undefined): Promise<void> {
    const response = this.#response;
    this.#entry.status = answer.status;
    this.#entry.digest = answer.digest;
    this.#writeHead(answer, fault);
    if (this.#entry.method === 'HEAD' || answer.status === 304) {
      response.end();
      this.#entry.finished = true;
      return;
    }
    const stop = fault !== undefined && 'afterBytes' in fault ? fault.afterBytes : undefined;
    if (stop !== undefined && stop <= answer.body.length) {
      await this.#write(answer.body.subarray(0, stop));
      if (fault?.kind === 'hang-body') return;
      if (fault?.kind === 'cut') {
        await this.#flush();
        response.socket?.destroy();
        return;
      }
      if (fault?.kind === 'hold') await fault.until;
      await this.#write(answer.body.subarray(stop));
    } else {
      await this.#write(answer.body);
    }
    if (response.destroyed) return;
    response.end();
    this.#entry.finished = true;
  }

  #writeHead({ status, headers, body }: Answer, fault: FaultKind | undefined): void {
    const response = this.#response;
    const all: Record<string, string> = { ...headers };
    if (fault?.kind === 'wrong-content-length') {
      all['content-length'] = String(body.length + fault.delta);
      all['connection'] = 'close';
    } else if (fault?.kind !== 'no-content-length' && status !== 304) {
      all['content-length'] = String(body.length);
    }
    response.writeHead(status, all);
    response.flushHeaders();
  }

  /** Writes until all is with the kernel or the client is gone. */
  async #write(bytes: Uint8Array): Promise<void> {
    const piece = Math.min(unlimitedPiece, ...this.#limits.map((limit) => limit.piece));
    for (let position = 0; position < bytes.length; position += piece) {
      const part = bytes.subarray(position, position + piece);
      await Promise.all(this.#limits.map((limit) => limit.pass(part.length)));
      if (this.#response.destroyed) return;
      const room = this.#response.write(part);
      this.#entry.bytesSent += part.length;
      if (!room) await this.#drained();
    }
  }

  async #drained(): Promise<void> {
    const left = new AbortController();
    const { signal } = left;
    try {
      await Promise.race([
        once(this.#response, 'drain', { signal }),
        once(this.#response, 'close', { signal }),
      ]);
    } finally {
      left.abort();
    }
  }

  /** Resolves when all that was written so far has left the process. */
  async #flush(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#response.destroyed) return;
    this.#response.once('close', resolve);
    this.#response.socket?.write('', () => resolve());
    await promise;
  }
}
