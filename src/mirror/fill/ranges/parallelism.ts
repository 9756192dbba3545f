import { Throughput, type Rate } from './throughput.ts';

/** How long more connections may take to prove useful, in milliseconds and round trips: they start slowly. */
const timeLimit = { ms: 300, latencies: 6 };
/** What more connections must bring, as a share of what as many gave before: less is not worth them. */
const worthwhile = 0.3;
/** How long one connection is measured before more are opened, in milliseconds: it begins with a burst. */
const aloneMs = 120;
/** A connection that gives so much, in bytes a millisecond, fills a gigabit link: more would not help. */
const plenty = 100_000;
/** After so many milliseconds the number is reviewed; then after twice as many, and so on. */
const firstReviewMs = 2_000;
/** How much sooner that is with one connection, which has the most to gain. */
const soonerAlone = 4;

/** Connections of one blob at a moment. */
export interface Connections {
  readonly open: number;
  /** Those that have begun to give bytes. */
  readonly flowing: number;
}

/**
 * How many connections a blob should arrive over. It starts with one, and doubles as long as that brings
 * enough more. From time to time it halves, and doubles again as far as that still helps: links and hosts
 * change.
 */
export class Parallelism {
  readonly #limit: number;
  readonly #throughput = new Throughput();
  #connections: number;
  /** What half as many connections gave; undefined until that is measured. */
  #before: Rate | undefined;
  /** When the number is reviewed; undefined while it is being looked for. */
  #reviewAt: number | undefined;
  #reviewMs = firstReviewMs;
  #helpful: number | undefined;
  #latencyMs = Infinity;

  /**
   * @param limit the most connections
   * @param known how many helped lately, if that is known
   * @param now in milliseconds
   */
  constructor(limit: number, known: number | undefined, now: number) {
    this.#limit = limit;
    this.#connections = Math.min(known ?? 1, limit);
    if (known !== undefined) this.#reviewAt = now + firstReviewMs;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Whether {@link connections} is what helps, as far as that is known. */
  get settled(): boolean {
    return this.#reviewAt !== undefined;
  }

  /** Whether one connection will do to the end. */
  get suffices(): boolean {
    return this.#connections === 1 && this.#reviewAt === Infinity;
  }

  /** How many connections were found to help, as a start for the next blob; undefined until then. */
  get helpful(): number | undefined {
    return this.#helpful;
  }

  /** What each connection gives, in bytes a millisecond; undefined until it has been measured. */
  get rate(): number | undefined {
    return this.#throughput.perConnection;
  }

  /** The shortest time from a request to its answer, in milliseconds; 0 before the first. */
  get latencyMs(): number {
    return this.#latencyMs === Infinity ? 0 : this.#latencyMs;
  }

  answered(latencyMs: number): void {
    this.#latencyMs = Math.min(this.#latencyMs, latencyMs);
  }

  /**
   * Counts bytes that have come.
   * @param now in milliseconds
   */
  received(bytes: number, { open, flowing }: Connections, now: number): void {
    // Measured from when all of them flow, and none is left of those that were given up.
    const isComplete = open <= this.#connections && flowing >= this.#connections;
    const measured = this.#throughput.received(bytes, { flowing, now, isComplete });
    if (measured !== undefined) this.#judge(measured, now);
  }

  /** There may be no more connections now: what is measured says nothing about so many. */
  held(): void {
    this.#throughput.restart();
  }

  /** Upstream has refused a connection: one has to do. */
  refused(): void {
    this.#settle(1, Infinity);
    this.#helpful = 1;
  }

  /** A connection has failed. */
  failed(): void {
    if (this.#connections > 1) this.#settle(Math.floor(this.#connections / 2), Infinity);
  }

  #judge(rate: Rate, now: number): void {
    if (this.#reviewAt !== undefined) {
      if (now < this.#reviewAt) return;
      this.#reviewMs *= 2;
      this.#reviewAt = undefined;
      this.#begin(Math.ceil(this.#connections / 2), undefined);
    } else if (this.#before === undefined) {
      if (rate.elapsedMs < aloneMs) return;
      if (this.#connections === 1 && rate.total >= plenty) this.#found(1, Infinity);
      else this.#grow(rate, now);
    } else if (helps(this.#before, rate)) {
      this.#grow(rate, now);
    } else if (rate.elapsedMs >= Math.max(timeLimit.ms, timeLimit.latencies * this.latencyMs)) {
      const enough = Math.ceil(this.#connections / 2);
      this.#found(enough, now + (enough === 1 ? this.#reviewMs / soonerAlone : this.#reviewMs));
    }
  }

  #grow(rate: Rate, now: number): void {
    if (this.#connections < this.#limit) this.#begin(Math.min(this.#connections * 2, this.#limit), rate);
    else this.#found(this.#limit, now + this.#reviewMs);
  }

  #found(connections: number, reviewAt: number): void {
    this.#helpful = connections;
    this.#settle(connections, reviewAt);
  }

  #settle(connections: number, reviewAt: number): void {
    this.#reviewAt = reviewAt;
    this.#begin(connections, undefined);
  }

  /** Measures what so many connections give. */
  #begin(connections: number, before: Rate | undefined): void {
    this.#connections = connections;
    this.#before = before;
    this.#throughput.restart();
  }
}

/** Whether `more` connections give so much more than `fewer` that they are worth it. */
function helps(fewer: Rate, more: Rate): boolean {
  const growth = more.flowing / fewer.flowing;
  return growth > 1 && more.total >= fewer.total * (1 + worthwhile * (growth - 1));
}
