import type { KnownBlob } from './entitlement.ts';
import { heldBackBytes, type Fill } from '../fill/fill.ts';

/**
 * The size that a client of an arriving blob is told, once upstream has begun to answer; undefined while in
 * doubt. Upstream's word counts, not a manifest's. Where they differ, and verification would show which is
 * right only at the end, upstream is asked once more.
 * @param known what the client's repository is known to hold
 * @param ask asks upstream for the size
 */
export async function promisedSize(
  fill: Pick<Fill, 'length' | 'ended' | 'detached'>,
  known: KnownBlob | undefined,
  ask: () => Promise<number>,
): Promise<number | undefined> {
  const { length } = fill;
  try {
    await length.begun;
  } catch (error) {
    // It will not be stored, and upstream has not said a word yet: the blob can still pass through.
    if (!fill.detached) throw error;
    return ask();
  }
  const stated = length.known;
  if (stated === undefined) return known?.sizeFrom === 'bytes' ? known.size : undefined;
  const isUndisputed = known === undefined || known.size === stated || length.isHinted(stated);
  if (isUndisputed || length.verified !== undefined) return stated;
  // Then it is verified before its first byte.
  if (stated <= heldBackBytes) return undefined;
  const asking = ask().then(
    (size) => (size === stated ? size : undefined),
    () => undefined,
  );
  return Promise.race([asking, fill.ended.then(() => length.verified)]);
}
