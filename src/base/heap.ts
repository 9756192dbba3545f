import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Milliseconds from a start until what it has left behind is cleared away: its first clients do not wait for that. */
const clearAfterMs = 1000;

/**
 * From now on memory is worth more than a few collections. V8 trades the one for the other, which brings nothing to a server:
 * what it makes is either garbage at once or stays. Of the former V8 lets 50 MiB accumulate (the first flag), and of what a
 * few hundred clients that wait leave behind several times what is in use (the second), before it looks.
 *
 * To be called when what a server starts with is loaded. Before, nearly all stays, and to copy it again and again takes a tenth of a
 * start; and V8 does not take the code that Node.js carries for its own modules once flags are set.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--optimize-for-size');
  // What V8 has taken for new objects until now it would keep, and they would pass through as much of the processor's cache.
  setTimeout(collectAll, clearAfterMs).unref();
}

/** The one collection that gives back whatever it can: some 40 ms. */
function collectAll(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction | undefined;
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
