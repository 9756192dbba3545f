import type { Digest } from '../../../oci/digest.ts';
import { reach, type ManifestGraph, type HeldIn } from './manifest-graph.ts';
import type { Queue } from './queue.ts';

/** Images as a queue sees them: what belongs together, of what it holds. */
export class Images {
  readonly #graph: ManifestGraph;
  readonly #queue: Queue;
  readonly #heldIn: HeldIn;

  constructor(graph: ManifestGraph, queue: Queue) {
    this.#graph = graph;
    this.#queue = queue;
    this.#heldIn = (manifest) => queue.heldIn(manifest);
  }

  /** A manifest, and all that it belongs to, directly or not. */
  ancestors(manifest: Digest): ReadonlySet<Digest> {
    return new Set(reach(manifest, (each) => this.owners(each)));
  }

  /** The ancestor that nothing owns; in a circle, the last one. */
  root(ancestors: ReadonlySet<Digest>): Digest {
    const all = [...ancestors];
    const [manifest] = all;
    const root = all.find((each) => this.owners(each).length === 0) ?? all.at(-1) ?? manifest;
    if (root === undefined) throw new TypeError('a manifest is among its ancestors');
    return root;
  }

  /**
   * What goes with a root, itself first: what it owns, and nothing that stays owns.
   * @param stays tells of members that are kept for another reason
   */
  members(root: Digest, stays: (member: Digest) => boolean = () => false): ReadonlySet<Digest> {
    const members = new Set(reach(root, (each) => this.#members(each)));
    const doubtful = new Set(members);
    doubtful.delete(root);
    for (const member of doubtful) {
      // Whatever is looked at again is taken out first, so that it comes last.
      doubtful.delete(member);
      if (!members.has(member)) continue;
      if (!stays(member) && this.owners(member).every((owner) => members.has(owner))) continue;
      members.delete(member);
      for (const each of this.#members(member)) if (each !== root) doubtful.add(each);
    }
    return members;
  }

  /** The blobs, held or not, that no manifest but these names. */
  blobsOfOnly(manifests: Iterable<Digest>): readonly Digest[] {
    const counts = new Map<Digest, number>();
    for (const manifest of manifests) {
      for (const blob of this.#graph.blobs(manifest)) counts.set(blob, (counts.get(blob) ?? 0) + 1);
    }
    return [...counts]
      .filter(([blob, count]) => !this.#queue.isNamedByMoreThan(count, blob))
      .map(([blob]) => blob);
  }

  /** The next held manifests that a manifest belongs to. */
  owners(manifest: Digest): readonly Digest[] {
    return this.#graph.owners(manifest, this.#heldIn);
  }

  /** The next held manifests that belong to a manifest. */
  #members(manifest: Digest): readonly Digest[] {
    return this.#graph.members(manifest, this.#heldIn);
  }
}
