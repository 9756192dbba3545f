import { SingleBar } from 'cli-progress';
import type { Terminal } from '../terminal.ts';

/** What of the work is done. */
interface ProgressState {
  readonly done: number;
  /** Undefined when it is not known. */
  readonly total: number | undefined;
  /** For people. */
  readonly note: string;
}

/** Shows progress on the standard error, apart from results. */
export interface Progress {
  show(state: ProgressState): void;
  /** Clears it for other lines, and at the end. */
  clear(): void;
}

/** A bar on a terminal, else a line now and then. */
export function progressOn(terminal: Terminal): Progress {
  return terminal.bars === undefined ? new Lines(terminal) : new Bar(terminal.bars);
}

class Bar implements Progress {
  readonly #stream: NodeJS.WritableStream;
  #bar: SingleBar | undefined;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  show({ done, total, note }: ProgressState): void {
    if (this.#bar === undefined) {
      this.#bar = new SingleBar({
        stream: this.#stream,
        format: total === undefined ? '{note}' : '[{bar}] {percentage} %  {note}',
        barCompleteChar: '=',
        barIncompleteChar: ' ',
        clearOnComplete: true,
        hideCursor: true,
        // Signals are the command's.
        gracefulExit: false,
      });
      this.#bar.start(total ?? 0, done, { note });
    }
    this.#bar.update(done, { note });
  }

  clear(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

/** A line each tenth of the way; where the end is not known, each time that it is twice as far. */
class Lines implements Progress {
  readonly #terminal: Terminal;
  #next = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show({ done, total, note }: ProgressState): void {
    if (total === undefined) {
      if (done < this.#next || done === 0) return;
      this.#next = done * 2;
      this.#terminal.err(`${note}\n`);
      return;
    }
    const tenths = total === 0 ? 10 : Math.floor((done / total) * 10);
    if (tenths < this.#next || tenths === 0) return;
    this.#next = tenths + 1;
    this.#terminal.err(`${tenths * 10} %  ${note}\n`);
  }

  clear(): void {}
}
