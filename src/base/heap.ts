import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Milliseconds from a start until its garbage is collected: the first clients do not wait for that. */
const clearAfterMs = 1000;

/**
 * Trades a few collections for memory. What a server allocates is garbage at once, or stays: V8 would let 50
 * MiB of the former accumulate (first flag), and a multiple of the live heap after a few hundred waiting
 * clients (second).
 * To be called when a server has loaded its code. Before, nearly all stays, and copying it takes a tenth of a
 * start; and V8 ignores the code cache of Node's own modules once flags are set.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--optimize-for-size');
  // V8 would keep the young generation that it has now, which costs processor cache.
  setTimeout(collectAll, clearAfterMs).unref();
}

/** The one collection that gives back whatever it can: some 40 ms. */
function collectAll(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction | undefined;
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
