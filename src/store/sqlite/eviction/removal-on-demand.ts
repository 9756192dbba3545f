import type { Digest } from '../../../oci/digest.ts';
import type { ManifestReference, Repository, Tag } from '../../../oci/reference.ts';
import type { Eviction, Retention, TaggedManifest } from '../../evictions.ts';
import { EvictionRecord } from './eviction-record.ts';
import type { ManifestGraph } from './manifest-graph.ts';
import { Images } from './images.ts';
import type { StoredRepository, Repositories } from './repositories.ts';
import type { Removal } from './removal.ts';
import { StoredQueue, type StoredQueueParts } from './stored-queue.ts';

export interface RemovalOnDemandParts extends StoredQueueParts {
  readonly graph: ManifestGraph;
  readonly repositories: Repositories;
  readonly removal: Removal;
}

/** Removes what somebody names from one repository, in whatever order. To be run inside a transaction. */
export class RemovalOnDemand {
  readonly #parts: RemovalOnDemandParts;

  constructor(parts: RemovalOnDemandParts) {
    this.#parts = parts;
  }

  /** Undefined when the repository holds no such thing. */
  remove(repository: Repository, reference: ManifestReference, retention: Retention): Eviction | undefined {
    const { repositories } = this.#parts;
    const stored = repositories.find(repository);
    if (stored === undefined) return undefined;
    const record = new EvictionRecord();
    record.done = true;
    if ('digest' in reference) {
      if (repositories.of(reference.digest, repository).length === 0) return undefined;
      const { digest } = reference;
      this.#image(stored, digest, repositories.tags(stored, digest), record, retention);
      return record;
    }
    const { tag } = reference;
    const digest = repositories.tagged(stored, tag);
    if (digest === undefined) return undefined;
    // The tag goes first: it may be what makes the manifest belong to another one.
    repositories.removeTag(stored, tag);
    record.tags.push({ repository: stored.repository, tag });
    if (repositories.tags(stored, digest).length > 0) return record;
    if (this.#images(stored).owners(digest).length > 0) return record;
    this.#image(stored, digest, [tag], record, retention);
    return record;
  }

  /** As `Evictions.affected`. Changes nothing. */
  affected(repository: Repository, reference: ManifestReference): readonly TaggedManifest[] {
    const { repositories } = this.#parts;
    const stored = repositories.find(repository);
    if (stored === undefined) return [];
    const digest = 'digest' in reference ? reference.digest : repositories.tagged(stored, reference.tag);
    if (digest === undefined || repositories.of(digest, repository).length === 0) return [];
    const tags = 'tag' in reference ? [reference.tag] : repositories.tags(stored, digest);
    const meant = { digest, tags };
    if ('tag' in reference && this.#isHeldWithout(stored, digest, reference.tag)) return [meant];
    const images = this.#images(stored);
    const others = new Set([...images.ancestors(digest), ...this.#members(stored, digest)]);
    others.delete(digest);
    return [meant, ...[...others].map((each) => ({ digest: each, tags: repositories.tags(stored, each) }))];
  }

  /** Whether a manifest stays what it is without one of its tags. A tag named after another manifest makes it a part of that. */
  #isHeldWithout(stored: StoredRepository, digest: Digest, tag: Tag): boolean {
    const { graph, repositories } = this.#parts;
    if (graph.isCompanion(stored.id, tag)) return false;
    return repositories.tags(stored, digest).length > 1 || this.#images(stored).owners(digest).length > 0;
  }

  #images({ repository }: StoredRepository): Images {
    return new Images(this.#parts.graph, new StoredQueue(this.#parts, repository));
  }

  #image(
    stored: StoredRepository,
    root: Digest,
    tags: readonly Tag[],
    record: EvictionRecord,
    retention: Retention,
  ): void {
    const { removal } = this.#parts;
    const members = this.#members(stored, root);
    const queue = new StoredQueue(this.#parts, stored.repository);
    const lastUsedAt = Math.max(...members.map((member) => queue.place('manifest', member).lastUsedAt));
    const imageName = { repository: stored.repository, tags };
    removal.image({ root, members, lastUsedAt, imageName }, { scope: stored.repository, retention }, record);
  }

  /** What goes with a manifest. */
  #members(stored: StoredRepository, root: Digest): readonly Digest[] {
    const { graph, repositories } = this.#parts;
    const hasTagOfItsOwn = (member: Digest) =>
      repositories.tags(stored, member).some((tag) => !graph.isCompanion(stored.id, tag));
    return [...this.#images(stored).members(root, hasTagOfItsOwn)];
  }
}
