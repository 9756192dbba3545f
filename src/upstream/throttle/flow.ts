import type { Clock } from '../../base/clock.ts';
import type { UpstreamName } from '../../oci/reference.ts';
import type { Meter } from './meter.ts';
import type { Share } from './share.ts';

export interface FlowDeps {
  readonly upstream: UpstreamName;
  readonly share: Share;
  readonly clock: Clock;
  /** Whether anything limits it now. */
  readonly isLimited: () => boolean;
  /** Takes its place among those that wait; true if it is granted enough at once. */
  readonly queue: (flow: Flow) => boolean;
  /** Gives its place up, with what it was granted and did not use, in bytes. */
  readonly leave: (flow: Flow, unused: number) => void;
}

/** What comes of one blob over one connection. It goes on for as many bytes as it is granted. */
export class Flow implements Meter {
  readonly #deps: FlowDeps;
  #heldMs = 0;
  /** Bytes that may still come; fewer than none, if more came than was granted. */
  #allowance = 0;
  #goOn: (() => void) | undefined;
  #since = 0;

  constructor(deps: FlowDeps) {
    this.#deps = deps;
  }

  get upstream(): UpstreamName {
    return this.#deps.upstream;
  }

  get share(): Share {
    return this.#deps.share;
  }

  get heldMs(): number {
    return this.#heldMs;
  }

  took(bytes: number, goOn: () => void): boolean {
    const { isLimited, queue, share, clock } = this.#deps;
    if (!isLimited()) return true;
    this.#allowance -= bytes;
    if (this.#goOn !== undefined) return false;
    if (this.#allowance > 0 || queue(this)) return true;
    this.#goOn = goOn;
    this.#since = clock.monotonic();
    share.heldAt = this.#since;
    return false;
  }

  /** @returns whether that is enough to go on; if not, it is still to wait */
  grant(bytes: number): boolean {
    this.#allowance += bytes;
    if (this.#allowance <= 0) return false;
    const goOn = this.#goOn;
    if (goOn === undefined) return true;
    const { clock, share } = this.#deps;
    share.heldAt = clock.monotonic();
    this.#heldMs += share.heldAt - this.#since;
    this.#goOn = undefined;
    // Not at once: while one connection is parsed, no other may be.
    queueMicrotask(goOn);
    return true;
  }

  /** Lets it go on for as many bytes as come: nothing limits it any more. */
  release(): void {
    this.#allowance = 0;
    this.grant(1);
  }

  end(): void {
    this.#goOn = undefined;
    this.#deps.leave(this, Math.max(0, this.#allowance));
    this.#allowance = 0;
  }
}
