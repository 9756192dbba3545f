import { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.ts';
import { lru } from '../../base/lru.ts';
import type { Degradation } from '../../cache/degradation.ts';
import type { LimitEnforcer } from '../../cache/space/limit-enforcer.ts';
import { companionSubject } from '../../oci/companion-tag.ts';
import type { Digest } from '../../oci/digest.ts';
import { readManifest, type Descriptor, type Manifest } from '../../oci/manifest.ts';
import { digestKey, tagKey, type ManifestReference, type Repository, type Tag } from '../../oci/reference.ts';
import type { Eviction } from '../../store/evictions.ts';
import type { MetadataStore, TagRecord } from '../../store/metadata-store.ts';
import type { TagListService } from '../lists/tag-list-service.ts';
import type { VerifiedManifest } from './verified-manifest.ts';

/** Bytes of manifests kept in memory. */
const manifestBytes = 32 * 1024 * 1024;
/** Tags kept in memory. */
const maxTags = 20_000;

export interface ManifestRecordsDeps {
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly enforcer: Pick<LimitEnforcer, 'grown'>;
  readonly clock: Clock;
  readonly tagLists: Pick<TagListService, 'pulled'>;
}

/** What upstream's HEAD said of a tag whose manifest is not cached. */
interface TagSighting {
  readonly descriptor: Descriptor;
  /** Milliseconds since the epoch. */
  readonly checkedAt: number;
}

/** A cached tag and its manifest. */
export interface TaggedManifest {
  readonly manifest: Manifest;
  /** When upstream last confirmed the tag, in milliseconds since the epoch. */
  readonly checkedAt: number;
}

/**
 * What is known of manifests and tags, in memory and in the database; while that fails, in memory only. A tag
 * must not move off a cached manifest before its successor is cached, and a HEAD must not spend a pull: so
 * what a HEAD says of a tag is a sighting until the manifest arrives.
 */
export class ManifestRecords {
  readonly #deps: ManifestRecordsDeps;
  readonly #manifests = new LRUCache<string, Manifest>({
    maxSize: manifestBytes,
    sizeCalculation: ({ size }) => size + 512,
  });
  readonly #tags = lru<string, TagRecord>(maxTags);
  readonly #sightings = lru<string, TagSighting>(maxTags);
  readonly #sightedTags = lru<string, ReadonlySet<Tag>>(maxTags);
  #evictions = 0;

  constructor(deps: ManifestRecordsDeps) {
    this.#deps = deps;
  }

  /** A manifest that is in memory, if the repository may read it. */
  peek(repository: Repository, digest: Digest): Manifest | undefined {
    return this.#manifests.get(digestKey(repository, digest));
  }

  /** The record of a cached tag that is in memory. */
  peekTag(repository: Repository, tag: Tag): TagRecord | undefined {
    return this.#tags.get(tagKey(repository, tag));
  }

  /** A cached manifest, if the repository may read it. */
  async manifest(repository: Repository, digest: Digest): Promise<Manifest | undefined> {
    const key = digestKey(repository, digest);
    return (
      this.#manifests.get(key) ??
      (await this.#load(this.#manifests, key, (metadata) => metadata.manifest(repository, digest)))
    );
  }

  async tag(repository: Repository, tag: Tag): Promise<TagRecord | undefined> {
    const key = tagKey(repository, tag);
    return (
      this.#tags.get(key) ?? (await this.#load(this.#tags, key, (metadata) => metadata.tag(repository, tag)))
    );
  }

  /** What a tag points to, if both are cached. */
  async tagged(repository: Repository, tag: Tag): Promise<TaggedManifest | undefined> {
    const record = await this.tag(repository, tag);
    const manifest = record && (await this.manifest(repository, record.digest));
    return record && manifest && { manifest, checkedAt: record.checkedAt };
  }

  /** The same, if both are in memory. */
  peekTagged(repository: Repository, tag: Tag): TaggedManifest | undefined {
    const record = this.peekTag(repository, tag);
    const manifest = record && this.peek(repository, record.digest);
    return record && manifest && { manifest, checkedAt: record.checkedAt };
  }

  /** A manifest that any repository may read. Another may have it once upstream has confirmed it there. */
  async ofAnyRepository(digest: Digest): Promise<Manifest | undefined> {
    return await this.#ask((metadata) => metadata.anyManifest(digest));
  }

  /** Cached indexes of a repository that list a manifest; those used last, if there are many. */
  async indexesOf(repository: Repository, digest: Digest): Promise<readonly Manifest[]> {
    return (await this.#ask((metadata) => metadata.indexesOf(repository, digest))) ?? [];
  }

  /** Whether a request for `reference` can be answered without upstream, be it that there is no such tag. */
  async canAnswer(repository: Repository, reference: ManifestReference): Promise<boolean> {
    if ('digest' in reference) return (await this.manifest(repository, reference.digest)) !== undefined;
    const { tag } = reference;
    return (await this.tag(repository, tag)) !== undefined || (await this.isAbsent(repository, tag));
  }

  /** Stores what was fetched. The tag that it was fetched by, and those sighted at it, now point to it. */
  async keep(
    repository: Repository,
    { manifest, contents }: VerifiedManifest,
    fetchedBy: ManifestReference,
  ): Promise<Manifest> {
    const { enforcer, clock } = this.#deps;
    const { digest } = manifest;
    const fetched = 'tag' in fetchedBy ? [{ name: fetchedBy.tag, checkedAt: clock.now() }] : [];
    const [first, ...others] = [...fetched, ...this.#takeSighted(repository, digest)];
    this.#manifests.set(digestKey(repository, digest), manifest);
    if (first !== undefined) this.#point(repository, first.name, { digest, checkedAt: first.checkedAt });
    await this.#ask((metadata) => metadata.putManifest(repository, manifest, contents, first));
    for (const { name, checkedAt } of others) await this.#confirm(repository, name, { digest, checkedAt });
    void enforcer.grown(repository);
    return manifest;
  }

  /**
   * Takes note of what upstream's HEAD said of a tag.
   * @returns the manifest that the tag points to, if that is cached
   */
  async sighted(
    repository: Repository,
    tag: Tag,
    {
      digest,
      descriptor,
    }: { readonly digest: Digest | undefined; readonly descriptor: Descriptor | undefined },
  ): Promise<Manifest | undefined> {
    const { enforcer, clock } = this.#deps;
    const checkedAt = clock.now();
    const manifest = digest && (await this.manifest(repository, digest));
    if (manifest !== undefined) {
      if (await this.#confirm(repository, tag, { digest: manifest.digest, checkedAt })) return manifest;
      // It was in memory only: the database could not take it, or has lost it.
      const contents = readManifest(manifest.bytes);
      const named = { name: tag, checkedAt };
      await this.#ask((metadata) => metadata.putManifest(repository, manifest, contents, named));
      void enforcer.grown(repository);
      return manifest;
    }
    if (descriptor !== undefined) {
      this.#sightings.set(tagKey(repository, tag), { descriptor, checkedAt });
      const key = digestKey(repository, descriptor.digest);
      this.#sightedTags.set(key, new Set([...(this.#sightedTags.get(key) ?? []), tag]));
    }
    return undefined;
  }

  sighting(repository: Repository, tag: Tag): TagSighting | undefined {
    return this.#sightings.get(tagKey(repository, tag));
  }

  /** The tags that were sighted at a manifest that is not cached. */
  tagsSightedAt(repository: Repository, digest: Digest): readonly Tag[] {
    return this.#sightedAt(repository, digest).map(({ name }) => name);
  }

  forgetSighting(repository: Repository, tag: Tag): void {
    this.#sightings.delete(tagKey(repository, tag));
  }

  /** Upstream no longer has a cached tag. */
  async removeTag(repository: Repository, tag: Tag): Promise<void> {
    this.#tags.delete(tagKey(repository, tag));
    await this.#ask((metadata) => metadata.removeTag(repository, tag));
  }

  /**
   * Whether upstream had no such tag when it was last asked. Known of signatures, attestations and referrers
   * of cached manifests, and forgotten with those: clients that look for them in an outage go on without, but
   * not after an error.
   */
  async isAbsent(repository: Repository, tag: Tag): Promise<boolean> {
    if (companionSubject(tag) === undefined) return false;
    return (await this.#ask((metadata) => metadata.absentSince(repository, tag))) !== undefined;
  }

  /** Takes note that upstream has no such tag, as far as {@link isAbsent} is to know. */
  async noteAbsent(repository: Repository, tag: Tag): Promise<void> {
    if (companionSubject(tag) === undefined) return;
    await this.#ask((metadata) => metadata.putAbsent(repository, tag, this.#deps.clock.now()));
  }

  /** Notes that a manifest was given to a client. */
  used({ digest }: Manifest): void {
    this.#deps.metadata.touch([digest]);
  }

  /** Forgets what the database has dropped. */
  forget({ manifests, tags }: Pick<Eviction, 'manifests' | 'tags'>): void {
    this.#evictions += 1;
    for (const { repository, digest } of manifests) this.#manifests.delete(digestKey(repository, digest));
    for (const { repository, tag } of tags) this.#tags.delete(tagKey(repository, tag));
  }

  /** What the database says; undefined when it fails. */
  #ask<T>(question: (metadata: MetadataStore) => Promise<T>): Promise<T | undefined> {
    const { metadata, degradation } = this.#deps;
    return degradation.tolerate(() => question(metadata));
  }

  async #load<T extends object>(
    memory: LRUCache<string, T>,
    key: string,
    read: (metadata: MetadataStore) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const before = this.#evictions;
    const stored = await this.#ask(read);
    // Unless it was evicted since it was read.
    if (stored !== undefined && before === this.#evictions) memory.set(key, stored);
    return stored;
  }

  /** Points a tag at a cached manifest. False when that is in memory only, and so is the tag. */
  async #confirm(repository: Repository, tag: Tag, record: TagRecord): Promise<boolean> {
    this.#point(repository, tag, record);
    return (await this.#ask((metadata) => metadata.putTag(repository, tag, record))) !== false;
  }

  #point(repository: Repository, tag: Tag, record: TagRecord): void {
    const key = tagKey(repository, tag);
    this.#tags.set(key, record);
    this.#deps.tagLists.pulled(repository, tag);
    if (this.#sightings.peek(key)?.descriptor.digest === record.digest) this.#sightings.delete(key);
  }

  #takeSighted(repository: Repository, digest: Digest) {
    const tags = this.#sightedAt(repository, digest);
    this.#sightedTags.delete(digestKey(repository, digest));
    return tags;
  }

  #sightedAt(repository: Repository, digest: Digest) {
    return [...(this.#sightedTags.get(digestKey(repository, digest)) ?? [])].flatMap((name) => {
      const sighting = this.sighting(repository, name);
      return sighting?.descriptor.digest === digest ? [{ name, checkedAt: sighting.checkedAt }] : [];
    });
  }
}
