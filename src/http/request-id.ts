import { randomBytes } from 'node:crypto';

/** Safe in a header and a log. */
const sane = /^[\w.-]{1,128}$/;

/**
 * Names requests, to match a client's log with ours. Cheap: a random prefix for each process, and a counter.
 */
export class RequestIds {
  readonly #prefix = randomBytes(6).toString('hex');
  #next = 0;

  /** The client's own id (`X-Request-Id`) when it is sane, else a new one. */
  take(fromClient: string | undefined): string {
    if (fromClient !== undefined && sane.test(fromClient)) return fromClient;
    this.#next += 1;
    return `${this.#prefix}-${this.#next.toString(36)}`;
  }
}
