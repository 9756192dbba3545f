import { randomBytes } from 'node:crypto';

/** What is safe to repeat in a header and a log: letters, digits, `.`, `_`, `-`. */
const sane = /^[\w.-]{1,128}$/;

/** Names requests, so that a client's line and ours can be matched. Cheap: a random prefix per process and a counter. */
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
