import { LRUCache } from 'lru-cache';

/**
 * A cache of at most `max` values, which drops the one that was used longest ago. It takes memory as it fills: told a
 * `max`, lru-cache makes room for all of them at once, which at 50,000 is most of a megabyte and several milliseconds of
 * the start.
 */
export function lru<Key extends {}, Value extends {}>(max: number): LRUCache<Key, Value> {
  return new LRUCache({ maxSize: max, sizeCalculation: () => 1 });
}
