import { lru } from '../../base/lru.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Descriptor } from '../../oci/manifest.ts';
import { digestKey, tagKey, type Repository, type Tag } from '../../oci/reference.ts';
import type { MetadataStore, TagRecord } from '../../store/metadata-store.ts';
import type { Degradation } from '../../cache/degradation.ts';

const remembered = 20_000;

/** What upstream's HEAD said of a tag whose manifest nobody has pulled yet. */
export interface TagSighting {
  readonly descriptor: Descriptor;
  readonly checkedAt: number;
}

/**
 * What tags mean: in the database for those whose manifest is held, in memory also for those that a HEAD has shown.
 * A HEAD must not spend a pull, and a tag must not move off a manifest that we hold before its successor is here too:
 * so a sighting waits until its manifest arrives.
 */
export class TagRecords {
  readonly #metadata: MetadataStore;
  readonly #degradation: Degradation;
  readonly #onPulled: (repository: Repository, tag: Tag) => void;
  readonly #held = lru<string, TagRecord>(remembered);
  readonly #sightings = lru<string, TagSighting>(remembered);
  readonly #sightedTags = lru<string, ReadonlyMap<Tag, number>>(remembered);
  #evicted = 0;

  /** @param onPulled told of tags that upstream was just seen to have, and whose manifest is held */
  constructor(
    metadata: MetadataStore,
    degradation: Degradation,
    onPulled: (repository: Repository, tag: Tag) => void,
  ) {
    this.#metadata = metadata;
    this.#degradation = degradation;
    this.#onPulled = onPulled;
  }

  /** The record of a tag whose manifest is held, if it is in memory already. */
  peek(repository: Repository, tag: Tag): TagRecord | undefined {
    return this.#held.get(tagKey(repository, tag));
  }

  /** The record of a tag whose manifest is held. */
  async find(repository: Repository, tag: Tag): Promise<TagRecord | undefined> {
    const key = tagKey(repository, tag);
    const known = this.#held.get(key);
    if (known !== undefined) return known;
    const evicted = this.#evicted;
    const stored = await this.#degradation.tolerate(() => this.#metadata.tag(repository, tag));
    // Unless it was evicted since it was read.
    if (stored !== undefined && evicted === this.#evicted) this.#held.set(key, stored);
    return stored;
  }

  /** Points a tag at a manifest that is held, in memory; the database hears of it otherwise. */
  remember(repository: Repository, tag: Tag, record: TagRecord): void {
    const key = tagKey(repository, tag);
    this.#held.set(key, record);
    this.#onPulled(repository, tag);
    if (this.#sightings.peek(key)?.descriptor.digest === record.digest) this.#sightings.delete(key);
  }

  /** Points a tag at a manifest that the repository holds. False when that is in memory only, and so is the tag. */
  async confirm(repository: Repository, tag: Tag, record: TagRecord): Promise<boolean> {
    this.remember(repository, tag, record);
    const put = await this.#degradation.tolerate(() => this.#metadata.putTag(repository, tag, record));
    return put !== false;
  }

  async remove(repository: Repository, tag: Tag): Promise<void> {
    this.#held.delete(tagKey(repository, tag));
    await this.#degradation.tolerate(() => this.#metadata.removeTag(repository, tag));
  }

  sighting(repository: Repository, tag: Tag): TagSighting | undefined {
    return this.#sightings.get(tagKey(repository, tag));
  }

  sighted(repository: Repository, tag: Tag, sighting: TagSighting): void {
    this.#sightings.set(tagKey(repository, tag), sighting);
    const key = digestKey(repository, sighting.descriptor.digest);
    this.#sightedTags.set(key, new Map([...(this.#sightedTags.get(key) ?? []), [tag, sighting.checkedAt]]));
  }

  /** Drops what a HEAD said of a tag. */
  forget(repository: Repository, tag: Tag): void {
    this.#sightings.delete(tagKey(repository, tag));
  }

  /** The manifest has arrived: the tags that were seen pointing to it. They stay sightings until they are confirmed. */
  claim(
    repository: Repository,
    digest: Digest,
  ): readonly { readonly name: Tag; readonly checkedAt: number }[] {
    const current = this.#sightedAs(repository, digest);
    this.#sightedTags.delete(digestKey(repository, digest));
    return current.map(([name, checkedAt]) => ({ name, checkedAt }));
  }

  /** The tags that a HEAD has shown to point to a manifest that is not here. */
  sightedAs(repository: Repository, digest: Digest): readonly Tag[] {
    return this.#sightedAs(repository, digest).map(([tag]) => tag);
  }

  #sightedAs(repository: Repository, digest: Digest): readonly (readonly [Tag, number])[] {
    const tags = this.#sightedTags.get(digestKey(repository, digest)) ?? [];
    return [...tags].filter(([tag]) => this.sighting(repository, tag)?.descriptor.digest === digest);
  }

  /** Forgets the record of a tag that the database has dropped. */
  evicted(repository: Repository, tag: Tag): void {
    this.#evicted += 1;
    this.#held.delete(tagKey(repository, tag));
  }
}
