import type { Digest } from '../../../oci/digest.ts';
import { reach, type Families, type HeldIn } from './families.ts';
import type { Queue } from './queue.ts';

/** Images as a queue sees them: what belongs together, of what it holds. */
export class Images {
  readonly #families: Families;
  readonly #queue: Queue;
  readonly #heldIn: HeldIn;

  constructor(families: Families, queue: Queue) {
    this.#families = families;
    this.#queue = queue;
    this.#heldIn = (manifest) => queue.heldIn(manifest);
  }

  /** A manifest, and all that it belongs to, directly or not. */
  ancestors(manifest: Digest): ReadonlySet<Digest> {
    return new Set(reach(manifest, (each) => this.holders(each)));
  }

  /** One of these ancestors of a manifest that belongs to nothing; where all belong to each other, whichever comes last. */
  root(ancestors: ReadonlySet<Digest>): Digest {
    const all = [...ancestors];
    const [manifest] = all;
    const root = all.find((each) => this.holders(each).length === 0) ?? all.at(-1) ?? manifest;
    if (root === undefined) throw new TypeError('a manifest is among its ancestors');
    return root;
  }

  /**
   * What goes with a root: what belongs to it and to nothing that stays. The root comes first.
   * @param stays tells of members that something else holds
   */
  family(root: Digest, stays: (member: Digest) => boolean = () => false): ReadonlySet<Digest> {
    const family = new Set(reach(root, (each) => this.#members(each)));
    const doubtful = new Set(family);
    doubtful.delete(root);
    for (const member of doubtful) {
      // Whatever is looked at again is taken out first, so that it comes last.
      doubtful.delete(member);
      if (!family.has(member)) continue;
      if (!stays(member) && this.holders(member).every((holder) => family.has(holder))) continue;
      family.delete(member);
      for (const each of this.#members(member)) if (each !== root) doubtful.add(each);
    }
    return family;
  }

  /** The blobs, held or not, that no manifest but these names. */
  blobsOfOnly(manifests: Iterable<Digest>): readonly Digest[] {
    const counts = new Map<Digest, number>();
    for (const manifest of manifests) {
      for (const blob of this.#families.blobs(manifest)) counts.set(blob, (counts.get(blob) ?? 0) + 1);
    }
    return [...counts]
      .filter(([blob, count]) => !this.#queue.isNamedByMoreThan(count, blob))
      .map(([blob]) => blob);
  }

  /** The next held manifests that a manifest belongs to. */
  holders(manifest: Digest): readonly Digest[] {
    return this.#families.holders(manifest, this.#heldIn);
  }

  /** The next held manifests that belong to a manifest. */
  #members(manifest: Digest): readonly Digest[] {
    return this.#families.members(manifest, this.#heldIn);
  }
}
