import { closest, distance } from 'fastest-levenshtein';

/** The candidate that someone who wrote `given` most likely meant, or undefined when none is near. */
export function suggest(given: string, candidates: readonly string[]): string | undefined {
  const word = given.toLowerCase().replaceAll(/[_-]/g, '');
  if (word === '' || candidates.length === 0) return undefined;
  const nearest = closest(word, [...candidates]);
  // Two edits, as for a pair of swapped letters; fewer in a short word, where two make another word.
  if (distance(word, nearest) <= (word.length <= 3 ? 1 : 2)) return nearest;
  // `url` for `remoteurl`, `user` for `username`
  return word.length < 3
    ? undefined
    : candidates.find((candidate) => candidate.includes(word) || word.includes(candidate));
}
