import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Callback = Parameters<LookupFunction>[2];

/**
 * Lookups of which one is under way for each name, however many ask. Node runs only two of the system's at a time, and a
 * name server that is silent holds each up for ten seconds and more: those for one registry must not queue up before
 * those for all others.
 * @param lookup how names become addresses; the system's way if not given
 */
export function sharedLookup(lookup: LookupFunction = systemLookup): LookupFunction {
  const waiting = new Map<string, Callback[]>();
  return (hostname, options, callback) => {
    const key = JSON.stringify([hostname, options]);
    const others = waiting.get(key);
    if (others !== undefined) {
      others.push(callback);
      return;
    }
    const callbacks = [callback];
    waiting.set(key, callbacks);
    lookup(hostname, options, (...answer) => {
      waiting.delete(key);
      for (const answered of callbacks) answered(...answer);
    });
  };
}
