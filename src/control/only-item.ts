import { CareError } from '../cache/care/care-error.ts';

/** The answer of an operation that has exactly one item. */
export async function onlyItem<T>(items: AsyncIterable<T>): Promise<T> {
  // To the end: an error may come after it.
  const [answer] = await Array.fromAsync(items, (item) => ({ item }));
  if (answer === undefined) throw new CareError('unavailable', 'the server gave no answer');
  return answer.item;
}
