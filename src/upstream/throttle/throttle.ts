import { pause, type Clock } from '../../base/clock.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { UpstreamName } from '../../oci/reference.ts';
import { Flow } from './flow.ts';
import type { Meter } from './meter.ts';
import { Share } from './share.ts';

/** What may come at once before a limit slows it down, in milliseconds of its rate. */
const burstMs = 100;
/** Bytes that are granted at a time: what comes in so many milliseconds, within bounds. */
const grantMs = 20;
const grantBytes = { least: 16 * 1024, most: 256 * 1024 };
/** Of all that comes while the background waits, one part in so many is its own. */
const backgroundParts = 10;
/** No shorter pause between grants, in milliseconds: timers cost more than they bring. */
const leastPauseMs = 5;

/** Meters of one upstream. */
export interface UpstreamMeters {
  /** For the bytes of a blob. Without a share, it has one of its own. */
  blob(share?: Share): Meter;
  /** For what is small: it is counted, and never waits. */
  readonly small: Meter;
}

interface Limit {
  readonly bytesPerSecond: number;
  readonly bucket: TokenBucket;
}

/**
 * Limits what is taken from upstreams, all together and each by itself, to so many bytes a second. Bytes are
 * counted as they are received; a connection that has to wait is not read, and TCP slows its sender down.
 *
 * Those that clients wait for come first; what is fetched in the background gets what they leave, and a tenth
 * at least. Among equals the bandwidth is shared by download, however many connections one has: each in turn
 * is granted some bytes, the one first that was granted least (start-time fair queueing).
 */
export class Throttle {
  readonly #clock: Clock;
  readonly #limits = new Map<UpstreamName | undefined, Limit>();
  readonly #waiting = new Set<Flow>();
  /** What the share had been granted that was granted something last, before that. */
  #virtualTime = 0;
  /** Bytes that the background may have before clients do. */
  #owed = 0;
  #pausing: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes a second of one upstream, or of all together; undefined for no limit. */
  limitOf(upstream: UpstreamName | undefined): number | undefined {
    return this.#limits.get(upstream)?.bytesPerSecond;
  }

  /** Limits one upstream, or all together, from now on. @param bytesPerSecond undefined for no limit */
  limit(upstream: UpstreamName | undefined, bytesPerSecond: number | undefined): void {
    if (bytesPerSecond === undefined) this.#limits.delete(upstream);
    else {
      const bytes = Math.max(grantOf([{ bytesPerSecond }]), (bytesPerSecond * burstMs) / 1000);
      const bucket = new TokenBucket(this.#clock, { bytes, ms: (bytes / bytesPerSecond) * 1000 });
      this.#limits.set(upstream, { bytesPerSecond, bucket });
    }
    this.#pausing?.abort();
    this.#grantAll();
  }

  /** Meters for one upstream. */
  of(upstream: UpstreamName): UpstreamMeters {
    const common = {
      upstream,
      clock: this.#clock,
      isLimited: () => this.#limitsOf(upstream).length > 0,
      queue: (flow: Flow) => this.#queue(flow),
      leave: (flow: Flow, unused: number) => {
        this.#waiting.delete(flow);
        if (this.#waiting.size === 0) this.#pausing?.abort();
        for (const { bucket } of this.#limitsOf(upstream)) bucket.giveBack(unused);
      },
    };
    return {
      blob: (share = new Share()) => new Flow({ ...common, share }),
      small: {
        heldMs: 0,
        took: (bytes) => {
          for (const { bucket } of this.#limitsOf(upstream)) bucket.draw(bytes);
          return true;
        },
        end: () => undefined,
      },
    };
  }

  #limitsOf(upstream: UpstreamName): readonly Limit[] {
    if (this.#limits.size === 0) return none;
    return [this.#limits.get(undefined), this.#limits.get(upstream)].filter((limit) => limit !== undefined);
  }

  #queue(flow: Flow): boolean {
    flow.share.granted = Math.max(flow.share.granted, this.#virtualTime);
    this.#waiting.add(flow);
    this.#grantAll();
    return !this.#waiting.has(flow);
  }

  /** Grants what may come now, and again as soon as more may. */
  #grantAll(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#grant(next);
    if (this.#waiting.size > 0 && this.#pausing === undefined) void this.#grantLater();
  }

  async #grantLater(): Promise<void> {
    const pausing = new AbortController();
    this.#pausing = pausing;
    const waits = [...this.#waiting].map(({ upstream }) =>
      Math.max(...this.#limitsOf(upstream).map(({ bucket }) => bucket.spentMs)),
    );
    await pause(this.#clock, Math.max(leastPauseMs, Math.min(...waits)), pausing.signal);
    this.#pausing = undefined;
    this.#grantAll();
  }

  #grant(flow: Flow): void {
    const { share, upstream } = flow;
    const limits = this.#limitsOf(upstream);
    this.#waiting.delete(flow);
    if (limits.length === 0) {
      flow.release();
      return;
    }
    const bytes = grantOf(limits);
    this.#virtualTime = share.granted;
    share.granted += bytes;
    for (const { bucket } of limits) bucket.draw(bytes);
    // What the background did not want is not saved for it.
    if (share.isBackground) this.#owed = Math.max(0, this.#owed - bytes);
    else this.#owed = Math.min(bytes, this.#owed + bytes / (backgroundParts - 1));
    if (!flow.grant(bytes)) this.#waiting.add(flow);
  }

  /** Who is granted something now; undefined while all that wait have to. */
  #next(): Flow | undefined {
    let foreground: Flow | undefined;
    let background: Flow | undefined;
    for (const flow of this.#waiting) {
      const { share, upstream } = flow;
      const best = share.isBackground ? background : foreground;
      if (best !== undefined && best.share.granted <= share.granted) continue;
      if (this.#limitsOf(upstream).some(({ bucket }) => bucket.isSpent)) continue;
      if (share.isBackground) background = flow;
      else foreground = flow;
    }
    if (foreground === undefined || background === undefined) return foreground ?? background;
    return this.#owed >= grantOf(this.#limitsOf(foreground.upstream)) ? background : foreground;
  }
}

const none: readonly Limit[] = [];

/** Bytes that are granted at a time under limits. */
function grantOf(limits: readonly Pick<Limit, 'bytesPerSecond'>[]): number {
  const rate = Math.min(...limits.map(({ bytesPerSecond }) => bytesPerSecond));
  return Math.min(Math.max((rate * grantMs) / 1000, grantBytes.least), grantBytes.most);
}
