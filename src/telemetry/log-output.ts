import fs from 'node:fs';

/** How often lines are written although they are few. */
const flushMs = 100;
/** How many characters of lines are gathered before they are written. */
const enough = 8 * 1024;
/** How many characters wait for a reader that does not read; the lines after that are lost. */
const tooMany = 8 * 1024 * 1024;
/** How long it takes until it is tried again to write to a reader that did not read. */
const busyMs = 50;
/** How long the end of the process waits for such a reader. */
const timeLimitMs = 1000;

/** What is asked of the file system; injected, so that a test can make it fail. */
export type LogFile = Pick<typeof fs, 'write' | 'writeSync'>;

/**
 * Gathers lines and writes them to a file descriptor in the background. A log that cannot be written costs
 * its lines: it neither ends the server, nor keeps it from ending.
 */
export class LogOutput {
  readonly #fd: number;
  readonly #file: LogFile;
  #lines = '';
  /** What is being written. */
  #rest: Buffer | undefined;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isGone = false;

  constructor(fd: number, file: LogFile = fs) {
    this.#fd = fd;
    this.#file = file;
  }

  /** @param line with its end */
  write(line: string): void {
    if (this.#isGone || this.#lines.length > tooMany) return;
    this.#lines += line;
    if (this.#rest !== undefined) return;
    if (this.#lines.length >= enough) this.#next();
    else this.#timer ??= this.#later(flushMs, () => this.#next());
  }

  /** Writes what is left, synchronously, at the end of the process. Never throws. */
  flushSync(): void {
    // A reader that does not read would keep the process from ending.
    if (this.#rest !== undefined && performance.now() - this.#startedAt > timeLimitMs) return;
    const end = performance.now() + timeLimitMs;
    let rest = Buffer.concat([this.#rest ?? Buffer.alloc(0), Buffer.from(this.#lines)]);
    this.#lines = '';
    while (rest.length > 0 && !this.#isGone) {
      try {
        rest = rest.subarray(this.#file.writeSync(this.#fd, rest));
      } catch (error) {
        if (!isBusy(error) || performance.now() > end) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyMs);
      }
    }
  }

  #next(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines === '') return;
    this.#rest = Buffer.from(this.#lines);
    this.#lines = '';
    this.#startedAt = performance.now();
    this.#writeRest(this.#rest);
  }

  #writeRest(rest: Buffer): void {
    this.#rest = rest;
    this.#file.write(this.#fd, rest, (error, written) => {
      if (isBusy(error)) {
        this.#later(busyMs, () => this.#writeRest(rest));
      } else if (error === null && written < rest.length) {
        this.#writeRest(rest.subarray(written));
      } else {
        this.#rest = undefined;
        this.#isGone = codeOf(error) === 'EPIPE';
        // A disk that is full now may have room for the lines after these.
        if (!this.#isGone) this.#next();
      }
    });
  }

  #later(ms: number, work: () => void): NodeJS.Timeout {
    return setTimeout(work, ms).unref();
  }
}

function isBusy(error: unknown): boolean {
  return codeOf(error) === 'EAGAIN';
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
