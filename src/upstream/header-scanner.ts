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
   * What comes next, if it matches: the scanner then stands behind it. Null, and nothing is taken, if not.
   * @param pattern with the flag `y`
   */
  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#position = pattern.lastIndex;
    return found;
  }
}
