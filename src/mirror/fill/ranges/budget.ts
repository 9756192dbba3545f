/** Bytes that may wait in memory, of all fills together. */
export class ByteBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Bytes that may still be taken. */
  get left(): number {
    return this.#left;
  }

  /** Takes `bytes`, to be given back with {@link give}; false when there are fewer left. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}
