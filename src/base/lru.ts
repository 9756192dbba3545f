import { LRUCache } from 'lru-cache';

/**
 * An LRU cache of at most `max` values. It takes memory as it fills: lru-cache's own `max` allocates for all
 * at once, which at 50,000 takes most of a megabyte and several milliseconds of the start.
 */
export function lru<Key extends {}, Value extends {}>(max: number): LRUCache<Key, Value> {
  return new LRUCache({ maxSize: max, sizeCalculation: () => 1 });
}
