import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';

/** A terminal that lines are drawn on. */
export interface Screen extends NodeJS.WritableStream {
  readonly columns?: number;
  readonly rows?: number;
}

/** Lines at the bottom of a terminal that are drawn over again and again. */
export class LiveLines {
  readonly #screen: Screen;
  /** Where the cursor is, below the first line. */
  #below = 0;
  #isDrawn = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get columns(): number {
    return this.#screen.columns ?? 80;
  }

  get rows(): number {
    return this.#screen.rows ?? 24;
  }

  /** Shows these lines in place of those before, as far as they fit. */
  draw(lines: readonly string[]): void {
    this.clear();
    // A line that fills the last column would wrap.
    const shown = lines.slice(-(this.rows - 1)).map((line) => line.slice(0, this.columns - 1));
    if (shown.length === 0) return;
    this.#screen.write(shown.join('\n'));
    this.#below = shown.length - 1;
    this.#isDrawn = true;
  }

  /** Takes the lines away: what is written next stands in their place. */
  clear(): void {
    if (!this.#isDrawn) return;
    moveCursor(this.#screen, 0, -this.#below);
    cursorTo(this.#screen, 0);
    clearScreenDown(this.#screen);
    this.#isDrawn = false;
  }
}
