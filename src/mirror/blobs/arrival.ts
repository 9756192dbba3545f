import type { Fill } from '../fill/fill.ts';

/** A blob that is waited for to be cached, without being read. */
export interface Arrival {
  /** Bytes that are still to come, as far as that is known. */
  readonly left: number;
  /** Bytes that have come since it was begun. */
  readonly received: number;
  /** Whether it was on its way before. */
  readonly joined: boolean;
  /** Resolves when {@link left} may have changed; never, once it is over. */
  progress(): Promise<void>;
  /** Resolves to whether the blob is cached, when there is nothing left to do. */
  readonly cached: Promise<boolean>;
  /** Why it is not cached, once it is over. */
  readonly failure: unknown;
  /** From now on it is not abandoned. */
  keep(): void;
  /** Until the result is disposed of, it is not abandoned. No client waits for it, for all that. */
  retain(): Disposable;
  /** Ends it if it was begun for this and has no reader. What has arrived is kept for whoever asks next. */
  abandon(): void;
}

/** The arrival of what a fill brings. @param isCached whether the blob is cached, once the fill has ended */
export function arrivalOf(fill: Fill, joined: boolean, isCached: () => Promise<boolean>): Arrival {
  let isKept = false;
  return {
    joined,
    get received() {
      return fill.received;
    },
    get left() {
      return fill.left;
    },
    get failure() {
      return fill.failure;
    },
    progress: () => fill.progress(),
    cached: fill.ended.then(isCached),
    keep: () => {
      if (isKept) return;
      isKept = true;
      fill.acquire();
      void fill.ended.then(() => fill.release());
    },
    retain: () => fill.retain(),
    abandon: () => {
      if (!joined) fill.abandon();
    },
  };
}
