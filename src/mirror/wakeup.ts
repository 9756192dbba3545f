/** A condition that many wait on: each {@link wake} lets all who wait look again. */
export class Wakeup {
  #waiting = Promise.withResolvers<void>();
  #waited = false;

  /** Resolves at the next {@link wake}. */
  next(): Promise<void> {
    this.#waited = true;
    return this.#waiting.promise;
  }

  wake(): void {
    if (!this.#waited) return;
    this.#waited = false;
    const { resolve } = this.#waiting;
    this.#waiting = Promise.withResolvers<void>();
    resolve();
  }
}
