import type { Digest } from '../../../oci/digest.ts';

/** What may go next: an image that this manifest belongs to, or a blob that no held manifest names. */
export interface Candidate {
  readonly kind: 'manifest' | 'blob';
  readonly digest: Digest;
  readonly position: number;
}

/** When something was used last, those uses included that are in memory only. */
export interface QueuePlace {
  readonly position: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
}

/** The order of eviction, as far as a scope goes, with those that step back in it. */
export interface Queue {
  /** Who stands first, behind whom {@link skip} went by. */
  head(): Candidate | undefined;
  /** Goes on behind a candidate, which stays where it is. */
  skip(candidate: Candidate): void;
  place(kind: Candidate['kind'], digest: Digest): QueuePlace;
  /** Moves those that stand before `position` back to it. */
  moveTo(position: number, kind: Candidate['kind'], digests: readonly Digest[]): void;
  /** Moves back behind everything. */
  moveToEnd(kind: Candidate['kind'], digests: readonly Digest[]): void;
  /** The ids of the repositories of the scope that hold a manifest. */
  heldIn(manifest: Digest): ReadonlySet<number>;
  /** Whether more than `count` held manifests, anywhere, name a blob. */
  isNamedByMoreThan(count: number, blob: Digest): boolean;
}

/** The order in which candidates stand. */
export function compare(a: Candidate, b: Candidate): number {
  if (a.position !== b.position) return a.position - b.position;
  if (a.kind !== b.kind) return a.kind === 'manifest' ? -1 : 1;
  return a.digest < b.digest ? -1 : 1;
}
