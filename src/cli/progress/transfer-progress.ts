import { byteSizeText } from '../../base/byte-size.ts';
import type { Clock } from '../../base/clock.ts';
import { durationText, pluralize, shortDigest } from '../care/format.ts';
import type { Terminal } from '../terminal.ts';
import { LiveLines } from './live-lines.ts';
import { TransferRate } from './transfer-rate.ts';

/** Something on its way, in bytes. */
interface Part {
  readonly name: string;
  readonly bytes: number;
  readonly totalBytes: number;
}

/** How far a transfer of images is. */
export interface TransferState {
  readonly images: number;
  readonly totalImages: number;
  readonly bytes: number;
  readonly totalBytes: number;
  /** The images under way, each with its blobs that are. */
  readonly underWay: readonly (Part & { readonly parts: readonly Part[] })[];
}

/** Shows on the standard error how far a transfer is. */
export interface TransferProgress {
  show(state: TransferState): void;
  /** Writes a line that stays. */
  say(line: string): void;
  /** Clears what is drawn, at the end. */
  clear(): void;
}

/** Bars on a terminal, else a line now and then. */
export function transferProgressOn(terminal: Terminal, clock: Clock): TransferProgress {
  const { bars } = terminal;
  return bars === undefined
    ? new TransferLines(terminal, clock)
    : new TransferBars(terminal, new LiveLines(bars), clock);
}

/** Milliseconds between two drawings. */
const redrawMs = 200;

/** A bar for each image under way, below it one for each of its blobs, and one for all at the bottom. */
class TransferBars implements TransferProgress {
  readonly #terminal: Terminal;
  readonly #lines: LiveLines;
  readonly #clock: Clock;
  readonly #rate: TransferRate;
  #drawnAt = -Infinity;

  constructor(terminal: Terminal, lines: LiveLines, clock: Clock) {
    this.#terminal = terminal;
    this.#lines = lines;
    this.#clock = clock;
    this.#rate = new TransferRate(clock);
  }

  show(state: TransferState): void {
    this.#rate.note(state.bytes);
    const now = this.#clock.monotonic();
    if (now - this.#drawnAt < redrawMs) return;
    this.#drawnAt = now;
    this.#lines.draw(this.#drawing(state));
  }

  say(line: string): void {
    this.#lines.clear();
    this.#terminal.err(`${line}\n`);
  }

  clear(): void {
    this.#lines.clear();
  }

  #drawing(state: TransferState): readonly string[] {
    const { columns, rows } = this.#lines;
    const nameWidth = Math.min(60, Math.max(10, columns - 52));
    // Images come before blobs where there is not room for all.
    let room = Math.max(0, rows - 4 - state.underWay.length);
    const lines = state.underWay.flatMap(({ parts, ...image }) => {
      const shown = parts.slice(0, room);
      room -= shown.length;
      const blobs = shown.map((part) => barLine({ ...part, name: `  ${shortDigest(part.name)}` }, nameWidth));
      return [barLine(image, nameWidth), ...blobs];
    });
    const all = { name: imagesText(state), bytes: state.bytes, totalBytes: state.totalBytes };
    return [...lines, barLine(all, nameWidth), paceText(this.#rate, state)];
  }
}

/** A line each tenth of the way. */
class TransferLines implements TransferProgress {
  readonly #terminal: Terminal;
  readonly #rate: TransferRate;
  #next = 1;

  constructor(terminal: Terminal, clock: Clock) {
    this.#terminal = terminal;
    this.#rate = new TransferRate(clock);
  }

  show(state: TransferState): void {
    const { bytes, totalBytes, images, totalImages } = state;
    this.#rate.note(bytes);
    // Of images that are not looked into yet, the bytes are not known.
    if (totalBytes === 0) return;
    const share = Math.min(share01(bytes, totalBytes), share01(images + state.underWay.length, totalImages));
    const tenths = Math.floor(share * 10);
    if (tenths < this.#next) return;
    this.#next = tenths + 1;
    const sizes = `${byteSizeText(bytes)} of ${byteSizeText(totalBytes)}`;
    const pace = paceText(this.#rate, state);
    this.say([imagesText(state), sizes, ...(pace === '' ? [] : [pace])].join(', '));
  }

  say(line: string): void {
    this.#terminal.err(`${line}\n`);
  }

  clear(): void {}
}

function imagesText({ images, totalImages }: TransferState): string {
  return `${images} of ${pluralize(totalImages, 'image')}`;
}

function paceText(rate: TransferRate, { bytes, totalBytes }: TransferState): string {
  const perSecond = rate.bytesPerSecond;
  if (perSecond === undefined) return '';
  const left = rate.timeFor(totalBytes - bytes);
  const time = left === undefined ? '' : `, ${durationText(Math.max(1000, left))} left`;
  return `${byteSizeText(Math.round(perSecond))}/s${time}`;
}

const barWidth = 20;

function barLine({ name, bytes, totalBytes }: Part, nameWidth: number): string {
  const share = share01(bytes, totalBytes);
  const done = Math.round(share * barWidth);
  const bar = `${'='.repeat(done)}${' '.repeat(barWidth - done)}`;
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  const sizes = `${byteSizeText(bytes)} of ${byteSizeText(totalBytes)}`;
  return `${fitted(name, nameWidth)} [${bar}] ${percent} %  ${sizes}`;
}

/** The end of a long name tells more than its beginning. */
function fitted(name: string, width: number): string {
  return name.length <= width ? name.padEnd(width) : `…${name.slice(1 - width)}`;
}

function share01(part: number, whole: number): number {
  return whole === 0 ? 1 : Math.min(1, part / whole);
}
