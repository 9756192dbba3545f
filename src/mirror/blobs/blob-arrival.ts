import type { Arrival } from '../fill/arrival.ts';
import type { Fill } from '../fill/fill.ts';
import type { Fills } from '../fill/fills.ts';

export interface ArrivalOptions {
  readonly fills: Pick<Fills, 'abandon'>;
  /** Whether the fill was under way before. */
  readonly joined: boolean;
  readonly isHeld: () => Promise<boolean>;
}

/** The arrival of what a fill brings. */
export function arrivalOf(fill: Fill, { fills, joined, isHeld }: ArrivalOptions): Arrival {
  let isKept = false;
  return {
    joined,
    get received() {
      return fill.received;
    },
    get left() {
      return fill.left;
    },
    progress: () => fill.progress(),
    held: fill.ended.then(isHeld),
    keep: () => {
      if (isKept) return;
      isKept = true;
      fill.acquire();
      void fill.ended.then(() => fill.release());
    },
    abandon: () => {
      if (!joined) fills.abandon(fill);
    },
  };
}
