import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/** Why a request is refused that has been here before. */
export const mirrorLoop = "mirrors are each other's upstream; check url and proxy.mirror of each";

/**
 * The way of requests through mirrors, as `Via` has it. A mirror that finds itself in there is asked for what
 * it asks for: it would wait for itself.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-7.6.3
 */
export class Hops {
  /** Another one at each start, so that it tells nothing about this mirror. */
  readonly #self = `1.1 entrepot-${randomBytes(8).toString('hex')}`;
  readonly #way = new AsyncLocalStorage<string>();

  /** Whether a request with that `Via` has been here before. */
  isLoop(via: string): boolean {
    return via.split(',').some((hop) => hop.trim() === this.#self);
  }

  /** Handles a request that arrived with a `Via`: what is sent upstream for it says so, too. */
  follow<T>(via: string, handle: () => T): T {
    return this.#way.run(via, handle);
  }

  /** The `Via` of a request that is sent on now. */
  via(): string {
    const way = this.#way.getStore();
    return way === undefined ? this.#self : `${way}, ${this.#self}`;
  }
}
