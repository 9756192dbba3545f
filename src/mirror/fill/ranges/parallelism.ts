/** A rate is taken over at least so long, in milliseconds. */
const windowMs = 40;
/** How long more connections may take to prove useful, in milliseconds and round trips: they start slowly. */
const timeLimit = { ms: 300, latencies: 6 };
/** What a doubling must bring, as a share of what was there before: less is not worth the connections. */
const worthwhile = 0.3;
/** So long one connection is measured before others are tried, in milliseconds. */
const enoughMs = 3 * windowMs;
/** A connection that gives so much, in bytes a millisecond, fills a gigabit link: more would not help. */
const plenty = 100_000;
/** After so many milliseconds fewer connections are tried, or a second one; then after twice as many. */
const firstTrialMs = 2_000;
/** How much sooner a second connection is tried: a blob that comes over one has the most to gain. */
const soonerAlone = 4;

/** Connections of one blob at a moment. */
export interface Connections {
  readonly open: number;
  readonly flowing: number;
}

/** Whether more connections are tried, fewer are, or neither. */
type Phase =
  | { readonly is: 'growing'; readonly before: Measured | undefined }
  | { readonly is: 'settled'; readonly trialAt: number }
  | { readonly is: 'trying'; readonly before: Measured };

/** What connections gave together, in bytes a millisecond. */
interface Rate {
  readonly total: number;
  /** How many gave something, on average: between two ranges a connection gives nothing for a while. */
  readonly flowing: number;
}

const nothing: Rate = { total: 0, flowing: 0 };

/** What so many connections gave. */
interface Measured extends Rate {
  readonly connections: number;
}

/**
 * How many connections a blob should arrive over. It starts with one and doubles as long as that helps. Later
 * it tries half as many now and then, since connections that start slowly make more of them look better than
 * they are, or two in place of one, since much else may have held up those that were tried first.
 */
export class Parallelism {
  readonly #limit: number;
  #connections: number;
  #phase: Phase;
  #trialMs = firstTrialMs;
  #helpful: number | undefined;
  #latencyMs: number | undefined;
  /** Since when these connections are measured; undefined until all of them give something. */
  #since: number | undefined;
  #lastAt = 0;
  #lastFlowing = 0;
  /** Of the present window: bytes, milliseconds of all connections that gave something, and since when. */
  #bytes = 0;
  #flowMs = 0;
  #windowAt = 0;
  /** The same since {@link #since}. */
  #allBytes = 0;
  #allFlowMs = 0;
  /** The most that a window saw since {@link #since}. */
  #best: Rate = nothing;
  /** The least, of those in which one connection gave something nearly all the time. */
  #least: Rate | undefined;
  /** What each connection gave in the last window. */
  #rate: number | undefined;

  /**
   * @param limit the most connections
   * @param known how many helped lately, if that is known
   * @param now in milliseconds
   */
  constructor(limit: number, known: number | undefined, now: number) {
    this.#limit = limit;
    this.#connections = Math.min(known ?? 1, limit);
    this.#phase =
      known === undefined
        ? { is: 'growing', before: undefined }
        : { is: 'settled', trialAt: now + firstTrialMs };
  }

  get connections(): number {
    return this.#connections;
  }

  /** Whether {@link connections} is what helps, as opposed to a trial. */
  get settled(): boolean {
    return this.#phase.is === 'settled';
  }

  /** Whether one connection will do to the end. */
  get suffices(): boolean {
    return this.#connections === 1 && this.#phase.is === 'settled' && this.#phase.trialAt === Infinity;
  }

  /** How many connections were found to help, as a start for the next blob; undefined until then. */
  get helpful(): number | undefined {
    return this.#helpful;
  }

  /** What each connection gives, in bytes a millisecond; undefined until it has been measured. */
  get rate(): number | undefined {
    return this.#rate;
  }

  /** The shortest time from a request to its answer, in milliseconds. */
  get latencyMs(): number {
    return this.#latencyMs ?? 0;
  }

  answered(latencyMs: number): void {
    this.#latencyMs = Math.min(this.#latencyMs ?? Infinity, latencyMs);
  }

  /**
   * Counts bytes that have come.
   * @param connections those that are open, and those of them that have begun to give bytes
   * @param now in milliseconds
   */
  received(bytes: number, { open, flowing }: Connections, now: number): void {
    if (this.#since === undefined) {
      const isComplete =
        this.#phase.is === 'trying' ? open <= this.#connections : flowing >= this.#connections;
      if (isComplete) this.#begin(flowing, now);
      return;
    }
    this.#bytes += bytes;
    this.#flowMs += (now - this.#lastAt) * this.#lastFlowing;
    this.#lastAt = now;
    this.#lastFlowing = flowing;
    if (now - this.#windowAt < windowMs || this.#flowMs === 0) return;
    this.#rate = this.#bytes / this.#flowMs;
    const seen = rateOf(this.#bytes, this.#flowMs, now - this.#windowAt);
    if (seen.total > this.#best.total) this.#best = seen;
    if (isOneFlowing(seen) && seen.total < (this.#least?.total ?? Infinity)) this.#least = seen;
    this.#windowAt = now;
    this.#allBytes += this.#bytes;
    this.#allFlowMs += this.#flowMs;
    this.#bytes = 0;
    this.#flowMs = 0;
    this.#judge(now - this.#since, now);
  }

  /** There may be no more connections now: what is measured says nothing about so many. */
  held(): void {
    this.#since = undefined;
  }

  /** Upstream has refused a connection: one has to do. */
  refused(): void {
    this.#found(1, Infinity);
  }

  /** A connection has failed. */
  failed(): void {
    if (this.#connections === 1) return;
    this.#settle(Math.floor(this.#connections / 2), Infinity);
  }

  #begin(flowing: number, now: number): void {
    this.#since = now;
    this.#windowAt = now;
    this.#lastAt = now;
    this.#lastFlowing = flowing;
    this.#bytes = 0;
    this.#flowMs = 0;
    this.#allBytes = 0;
    this.#allFlowMs = 0;
    this.#best = nothing;
    this.#least = undefined;
  }

  #judge(elapsedMs: number, now: number): void {
    const phase = this.#phase;
    const isWithinLimit = elapsedMs < Math.max(timeLimit.ms, timeLimit.latencies * this.latencyMs);
    const connections = this.#connections;
    const atBest = { ...this.#best, connections };
    const onAverage = { ...rateOf(this.#allBytes, this.#allFlowMs, elapsedMs), connections };
    switch (phase.is) {
      case 'growing':
        if (phase.before === undefined) {
          // What comes first, of the blob and of each range, comes in a burst: the least is the best measure.
          if (elapsedMs < enoughMs || (isWithinLimit && this.#least === undefined)) return;
          const alone = this.#least ?? onAverage;
          if (alone.total >= plenty) this.#found(1, Infinity);
          else this.#grow({ ...alone, connections }, now);
        } else if (helps(phase.before, atBest)) this.#grow(atBest, now);
        else if (!isWithinLimit) {
          const { connections: enough } = phase.before;
          this.#found(enough, now + (enough === 1 ? this.#trialMs / soonerAlone : this.#trialMs));
        }
        return;
      case 'settled':
        if (isWithinLimit) return;
        if (now < phase.trialAt) {
          // What is compared with the trial is what came right before it.
          this.#since = undefined;
          return;
        }
        if (connections === 1) {
          this.#trialMs *= 2;
          this.#grow(onAverage, now);
          return;
        }
        this.#connections = Math.ceil(connections / 2);
        this.#phase = { is: 'trying', before: onAverage };
        this.#since = undefined;
        return;
      case 'trying':
        if (isWithinLimit) return;
        this.#trialMs *= 2;
        this.#found(
          helps(onAverage, phase.before) ? phase.before.connections : connections,
          now + this.#trialMs,
        );
    }
  }

  #grow(measured: Measured, now: number): void {
    if (this.#connections === this.#limit) {
      this.#found(this.#limit, now + this.#trialMs);
      return;
    }
    this.#connections = Math.min(this.#connections * 2, this.#limit);
    this.#phase = { is: 'growing', before: measured };
    this.#since = undefined;
  }

  #found(connections: number, trialAt: number): void {
    this.#helpful = connections;
    this.#settle(connections, trialAt);
  }

  #settle(connections: number, trialAt: number): void {
    this.#connections = connections;
    this.#phase = { is: 'settled', trialAt };
    this.#since = undefined;
  }
}

/** Whether `more` connections give so much more than `fewer` that they are worth it. */
function helps(fewer: Rate, more: Rate): boolean {
  const growth = more.flowing / fewer.flowing;
  return growth > 1 && more.total >= fewer.total * (1 + worthwhile * (growth - 1));
}

/** Where one range ends and the next begins, none gives anything for a while, or both do. */
function isOneFlowing({ flowing }: Rate): boolean {
  return Math.abs(flowing - 1) <= 0.25;
}

function rateOf(bytes: number, flowMs: number, elapsedMs: number): Rate {
  return { total: bytes / elapsedMs, flowing: flowMs / elapsedMs };
}
