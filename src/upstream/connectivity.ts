import { UpstreamError } from './registry.ts';

/**
 * The one switch above all upstreams. While the mirror is offline, none is asked, no name is looked up, and
 * what is cached counts as fresh.
 */
export class Connectivity {
  readonly #listeners = new Set<() => void>();
  #offline: PromiseWithResolvers<void> | undefined;

  /** @param isOffline how it begins */
  constructor(isOffline = false) {
    this.#offline = isOffline ? Promise.withResolvers() : undefined;
  }

  get isOffline(): boolean {
    return this.#offline !== undefined;
  }

  /** Ends all requests that are under way. */
  goOffline(): void {
    if (this.isOffline) return;
    this.#offline = Promise.withResolvers();
    for (const listener of this.#listeners) listener();
  }

  goOnline(): void {
    this.#offline?.resolve();
    this.#offline = undefined;
  }

  /** Calls `listener` each time the mirror goes offline, until what this returns is called. */
  onOffline(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves when the mirror is online: at once, if it is. */
  async online(): Promise<void> {
    await this.#offline?.promise;
  }
}

/** Why an upstream is not asked. */
export function offlineError(): UpstreamError {
  return new UpstreamError('offline', 'the mirror is offline');
}

/** Whether something is missing because the mirror is offline. */
export function isOfflineError(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && error.kind === 'offline';
}
