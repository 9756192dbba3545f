/**
 * Milliseconds between two announcements of progress: for each that waits, and at most. Waking every reader
 * for every 64 KiB would cost more than the bytes; in this time they gather to pieces worth a system call.
 */
const pauseMs = { each: 4, most: 100 };
/** Bytes that are worth it at once. */
const enoughBytes = 512 * 1024;

/** A condition that many wait on: each wake lets all who wait look again. */
export class Wakeup {
  #waiting = Promise.withResolvers<void>();
  #waiters = 0;
  #pause: NodeJS.Timeout | undefined;
  #gathered = 0;
  readonly #onWake: () => void;

  /** @param onWake called at each wake, before those who wait are let go */
  constructor(onWake: () => void = () => undefined) {
    this.#onWake = onWake;
  }

  /** Resolves at the next wake. */
  next(): Promise<void> {
    this.#waiters += 1;
    return this.#waiting.promise;
  }

  /** At once. */
  wake(): void {
    this.#onWake();
    if (this.#waiters === 0) return;
    this.#waiters = 0;
    const { resolve } = this.#waiting;
    this.#waiting = Promise.withResolvers<void>();
    resolve();
  }

  /** `bytes` more have come: tells at once, or with more of them when the last time was only just now. */
  gather(bytes: number): void {
    this.#gathered += bytes;
    if (this.#pause !== undefined && this.#gathered < enoughBytes) return;
    clearTimeout(this.#pause);
    const ms = Math.min(Math.max(1, this.#waiters) * pauseMs.each, pauseMs.most);
    this.#gathered = 0;
    this.wake();
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      if (this.#gathered > 0) this.gather(0);
    }, ms);
  }
}
