import type { Digest } from '../../../oci/digest.ts';
import type { ManifestReference, Repository, Tag } from '../../../oci/reference.ts';
import type { Eviction, Retention, TaggedManifest } from '../../evictions.ts';
import type { EvictionDeps } from './deps.ts';
import { Images } from './images.ts';
import type { StoredRepository } from './repositories.ts';
import { EvictionRecord, type Removal } from './removal.ts';
import { StoredQueue } from './stored-queue.ts';

/** Removes what somebody names from one repository, in whatever order. To be run inside a transaction. */
export class RemovalOnDemand {
  readonly #deps: EvictionDeps;
  readonly #removal: Removal;

  constructor(deps: EvictionDeps, removal: Removal) {
    this.#deps = deps;
    this.#removal = removal;
  }

  /** Undefined when the repository holds no such thing. */
  remove(repository: Repository, reference: ManifestReference, retention: Retention): Eviction | undefined {
    const { repositories } = this.#deps;
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
    const { repositories } = this.#deps;
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

  /**
   * Whether a manifest stays without one of its tags. A tag named after another manifest makes it a part of
   * that.
   */
  #isHeldWithout(stored: StoredRepository, digest: Digest, tag: Tag): boolean {
    const { graph, repositories } = this.#deps;
    if (graph.isCompanion(stored.id, tag)) return false;
    return repositories.tags(stored, digest).length > 1 || this.#images(stored).owners(digest).length > 0;
  }

  #images({ repository }: StoredRepository): Images {
    return new Images(this.#deps.graph, new StoredQueue(this.#deps, repository));
  }

  #image(
    stored: StoredRepository,
    root: Digest,
    tags: readonly Tag[],
    record: EvictionRecord,
    retention: Retention,
  ): void {
    const members = this.#members(stored, root);
    const queue = new StoredQueue(this.#deps, stored.repository);
    const lastUsedAt = Math.max(...members.map((member) => queue.place('manifest', member).lastUsedAt));
    const imageName = { repository: stored.repository, tags };
    this.#removal.image(
      { root, members, lastUsedAt, imageName },
      { scope: stored.repository, retention },
      record,
    );
  }

  /** What goes with a manifest. */
  #members(stored: StoredRepository, root: Digest): readonly Digest[] {
    const { graph, repositories } = this.#deps;
    const hasTagOfItsOwn = (member: Digest) =>
      repositories.tags(stored, member).some((tag) => !graph.isCompanion(stored.id, tag));
    return [...this.#images(stored).members(root, hasTagOfItsOwn)];
  }
}
