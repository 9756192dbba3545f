import type { DestinationStream } from 'pino';

/** Where a logger's lines are formatted and go on to their destination. */
export class LogLines implements DestinationStream {
  readonly #destination: DestinationStream;
  readonly #format: (json: string) => string;
  #recorded: string | undefined;
  #now = 0;
  #time = '';

  /** @param format makes a line of pino's JSON line; both end with a line feed */
  constructor(destination: DestinationStream, format: (json: string) => string = (json) => json) {
    this.#destination = destination;
    this.#format = format;
  }

  /** @param json a line of pino's */
  write(json: string): void {
    const line = this.#format(json);
    if (this.#recorded === undefined) this.#destination.write(line);
    else this.#recorded += line;
  }

  /** Writes a line that is formatted already. */
  writeFormatted(line: string): void {
    this.#destination.write(line);
  }

  /** What `work` logs, formatted, and not written. */
  record(work: () => void): string {
    this.#recorded = '';
    try {
      work();
      return this.#recorded;
    } finally {
      this.#recorded = undefined;
    }
  }

  /** The time as it stands in lines; many are written within a millisecond. */
  time(): string {
    const now = Date.now();
    if (now !== this.#now) {
      this.#now = now;
      this.#time = new Date(now).toISOString();
    }
    return this.#time;
  }
}
