/** Reads the value of a header from left to right, a piece at a time. */
export class HeaderScanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  /**
   * Takes what comes next, if it matches; else null, and nothing is taken.
   * @param pattern with the flag `y`
   */
  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#position = pattern.lastIndex;
    return found;
  }
}
