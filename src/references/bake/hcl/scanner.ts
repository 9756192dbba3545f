import { HclError } from './hcl-error.ts';

/** Walks through a text of HCL; blanks and comments are passed over. */
export class Scanner {
  readonly text: string;
  readonly #firstLine: number;
  /** Where it is. */
  at = 0;
  /** Within parentheses and brackets the end of a line is a blank as any other. */
  ignoresLineEnds = false;
  #countedTo = 0;
  #counted = 0;

  /** @param firstLine the line that the text begins on */
  constructor(text: string, firstLine: number) {
    this.text = text;
    this.#firstLine = firstLine;
  }

  /** The line at which it is. */
  get line(): number {
    // Never far back: what was counted is kept.
    if (this.at < this.#countedTo) {
      this.#countedTo = 0;
      this.#counted = 0;
    }
    for (let next = this.text.indexOf('\n', this.#countedTo); next >= 0 && next < this.at;) {
      this.#counted += 1;
      this.#countedTo = next + 1;
      next = this.text.indexOf('\n', this.#countedTo);
    }
    return this.#firstLine + this.#counted;
  }

  get isAtEnd(): boolean {
    this.skipBlanks();
    return this.at >= this.text.length;
  }

  skipBlanks(lineEnds = this.ignoresLineEnds): void {
    const blank = lineEnds
      ? /(?:\s|(?:#|\/\/)[^\n]*|\/\*[^]*?\*\/)+/uy
      : /(?:[^\S\n]|(?:#|\/\/)[^\n]*|\/\*[^]*?\*\/)+/uy;
    blank.lastIndex = this.at;
    if (blank.test(this.text)) this.at = blank.lastIndex;
  }

  /** Whether a text follows, which is passed over then. */
  takes(text: string): boolean {
    this.skipBlanks();
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** @throws {HclError} if the text does not follow */
  expect(text: string): void {
    if (!this.takes(text)) throw this.error(`${text} is missing`);
  }

  /** What a sticky pattern matches here, passed over. */
  match(pattern: RegExp): string | undefined {
    this.skipBlanks();
    pattern.lastIndex = this.at;
    const [found] = pattern.exec(this.text) ?? [];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  /** An identifier, passed over; undefined where there is none. */
  identifier(): string | undefined {
    return this.match(/[\p{L}_][\p{L}\p{N}_-]*/uy);
  }

  /** Does something with line ends as blanks, or not. */
  within<T>(ignoresLineEnds: boolean, work: () => T): T {
    const before = this.ignoresLineEnds;
    this.ignoresLineEnds = ignoresLineEnds;
    try {
      return work();
    } finally {
      this.ignoresLineEnds = before;
    }
  }

  error(message: string): HclError {
    return new HclError(this.line, message);
  }
}
