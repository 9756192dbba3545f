/**
 * The share of the bandwidth that goes to one download, over however many connections it comes. Downloads that
 * clients wait for come before those in the background.
 */
export class Share {
  /** Bytes that it was granted, as {@link Throttle} counts them to be fair. */
  granted = 0;
  /** When it was last made to wait, by the monotonic clock. */
  heldAt = -Infinity;
  #isBackground: boolean;

  constructor(isBackground = false) {
    this.#isBackground = isBackground;
  }

  get isBackground(): boolean {
    return this.#isBackground;
  }

  /** A client waits for it from now on. */
  promote(): void {
    this.#isBackground = false;
  }
}
