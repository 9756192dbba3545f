/**
 * Milliseconds between two announcements of progress. Thirty readers that each follow every 64 KiB cost more in wakeups
 * and small writes than the bytes themselves; in this time they gather to pieces worth a system call.
 */
const pauseMs = 4;

/** A condition that many wait on: each wake lets all who wait look again. */
export class Wakeup {
  #waiting = Promise.withResolvers<void>();
  #waited = false;
  #pausing = false;
  #due = false;

  /** Resolves at the next wake. */
  next(): Promise<void> {
    this.#waited = true;
    return this.#waiting.promise;
  }

  /** At once. */
  wake(): void {
    if (!this.#waited) return;
    this.#waited = false;
    const { resolve } = this.#waiting;
    this.#waiting = Promise.withResolvers<void>();
    resolve();
  }

  /** At once, or together with others within a few milliseconds when the last wake was only just now. */
  wakeSoon(): void {
    if (this.#pausing) {
      this.#due = true;
      return;
    }
    this.wake();
    this.#pausing = true;
    setTimeout(() => {
      this.#pausing = false;
      if (!this.#due) return;
      this.#due = false;
      this.wakeSoon();
    }, pauseMs);
  }
}
