import type { Digest } from '../../../oci/digest.ts';
import type { ManifestReference, Repository, Tag } from '../../../oci/reference.ts';
import type { Eviction, Keeper, TaggedManifest } from '../../evictions.ts';
import { EvictionRecord } from './eviction-record.ts';
import type { Families } from './families.ts';
import { Images } from './images.ts';
import type { Place, Places } from './places.ts';
import type { Removal } from './removal.ts';
import { StoredQueue, type StoredQueueParts } from './stored-queue.ts';

export interface RemovalOnDemandParts extends StoredQueueParts {
  readonly families: Families;
  readonly places: Places;
  readonly removal: Removal;
}

/** Removes what somebody names from one repository, in whatever order. To be run inside a transaction. */
export class RemovalOnDemand {
  readonly #parts: RemovalOnDemandParts;

  constructor(parts: RemovalOnDemandParts) {
    this.#parts = parts;
  }

  /** Undefined when the repository holds no such thing. */
  remove(repository: Repository, reference: ManifestReference, keeper: Keeper): Eviction | undefined {
    const { places } = this.#parts;
    const place = places.find(repository);
    if (place === undefined) return undefined;
    const record = new EvictionRecord();
    record.done = true;
    if ('digest' in reference) {
      if (places.of(reference.digest, repository).length === 0) return undefined;
      const { digest } = reference;
      this.#image(place, digest, places.tags(place, digest), record, keeper);
      return record;
    }
    const { tag } = reference;
    const digest = places.tagged(place, tag);
    if (digest === undefined) return undefined;
    // The tag goes first: it may be what makes the manifest belong to another one.
    places.removeTag(place, tag);
    record.tags.push({ repository: place.repository, tag });
    if (places.tags(place, digest).length > 0) return record;
    if (this.#images(place).holders(digest).length > 0) return record;
    this.#image(place, digest, [tag], record, keeper);
    return record;
  }

  /** As `Evictions.affected`. Changes nothing. */
  affected(repository: Repository, reference: ManifestReference): readonly TaggedManifest[] {
    const { places } = this.#parts;
    const place = places.find(repository);
    if (place === undefined) return [];
    const digest = 'digest' in reference ? reference.digest : places.tagged(place, reference.tag);
    if (digest === undefined || places.of(digest, repository).length === 0) return [];
    const tags = 'tag' in reference ? [reference.tag] : places.tags(place, digest);
    const meant = { digest, tags };
    if ('tag' in reference && this.#isHeldWithout(place, digest, reference.tag)) return [meant];
    const images = this.#images(place);
    const others = new Set([...images.ancestors(digest), ...this.#members(place, digest)]);
    others.delete(digest);
    return [meant, ...[...others].map((each) => ({ digest: each, tags: places.tags(place, each) }))];
  }

  /** Whether a manifest stays what it is without one of its tags. A tag named after another manifest makes it a part of that. */
  #isHeldWithout(place: Place, digest: Digest, tag: Tag): boolean {
    const { families, places } = this.#parts;
    if (families.isCompanion(place.id, tag)) return false;
    return places.tags(place, digest).length > 1 || this.#images(place).holders(digest).length > 0;
  }

  #images({ repository }: Place): Images {
    return new Images(this.#parts.families, new StoredQueue(this.#parts, repository));
  }

  #image(place: Place, root: Digest, tags: readonly Tag[], record: EvictionRecord, keeper: Keeper): void {
    const { removal } = this.#parts;
    const members = this.#members(place, root);
    const queue = new StoredQueue(this.#parts, place.repository);
    const lastUsedAt = Math.max(...members.map((member) => queue.standing('manifest', member).lastUsedAt));
    const home = { repository: place.repository, tags };
    removal.image({ root, members, lastUsedAt, home }, { scope: place.repository, keeper }, record);
  }

  /** What goes with a manifest. */
  #members(place: Place, root: Digest): readonly Digest[] {
    const { families, places } = this.#parts;
    const hasTagOfItsOwn = (member: Digest) =>
      places.tags(place, member).some((tag) => !families.isCompanion(place.id, tag));
    return [...this.#images(place).family(root, hasTagOfItsOwn)];
  }
}
