import type { Digest } from '../../../oci/digest.ts';
import type { Manifest, ManifestContents, ReferrerDescriptor } from '../../../oci/manifest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../../../oci/reference.ts';
import type { Audit } from '../../audit.ts';
import type { Evictions } from '../../evictions.ts';
import type { Inventory } from '../../inventory.ts';
import type {
  MetadataStore,
  Page,
  ReferrersRecord,
  RepositoryBlob,
  TagRecord,
  UpstreamState,
} from '../../metadata-store.ts';
import type { CurrentStore } from './current-store.ts';
import { MendingAudit } from './mending-audit.ts';
import { MendingEvictions } from './mending-evictions.ts';
import { MendingInventory } from './mending-inventory.ts';
import type { Mending } from './mending.ts';

/** A metadata store that outlives its database: while a damaged one is rebuilt, all calls reject with `CORRUPT`. */
export class MendingMetadataStore implements MetadataStore {
  readonly evictions: Evictions;
  readonly inventory: Inventory;
  readonly audit: Audit;
  readonly #mending: Mending;
  readonly #current: CurrentStore;

  constructor(mending: Mending) {
    this.#mending = mending;
    this.#current = mending.current;
    this.evictions = new MendingEvictions(this.#current);
    this.inventory = new MendingInventory(this.#current);
    this.audit = new MendingAudit(this.#current);
  }

  manifest(repository: Repository, digest: Digest): Promise<Manifest | undefined> {
    return this.#current.ask((store) => store.manifest(repository, digest));
  }

  anyManifest(digest: Digest): Promise<Manifest | undefined> {
    return this.#current.ask((store) => store.anyManifest(digest));
  }

  indexesOf(repository: Repository, child: Digest): Promise<readonly Manifest[]> {
    return this.#current.ask((store) => store.indexesOf(repository, child));
  }

  putManifest(
    repository: Repository,
    manifest: Manifest,
    contents: ManifestContents,
    tag?: { readonly name: Tag; readonly checkedAt: number },
  ): Promise<void> {
    return this.#current.ask((store) => store.putManifest(repository, manifest, contents, tag));
  }

  tag(repository: Repository, tag: Tag): Promise<TagRecord | undefined> {
    return this.#current.ask((store) => store.tag(repository, tag));
  }

  putTag(repository: Repository, tag: Tag, record: TagRecord): Promise<boolean> {
    return this.#current.ask((store) => store.putTag(repository, tag, record));
  }

  removeTag(repository: Repository, tag: Tag): Promise<boolean> {
    return this.#current.ask((store) => store.removeTag(repository, tag));
  }

  absentSince(repository: Repository, tag: Tag): Promise<number | undefined> {
    return this.#current.ask((store) => store.absentSince(repository, tag));
  }

  putAbsent(repository: Repository, tag: Tag, checkedAt: number): Promise<boolean> {
    return this.#current.ask((store) => store.putAbsent(repository, tag, checkedAt));
  }

  tags(repository: Repository): Promise<readonly Tag[]> {
    return this.#current.ask((store) => store.tags(repository));
  }

  repositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]> {
    return this.#current.ask((store) => store.repositories(upstream, page));
  }

  referrers(repository: Repository, subject: Digest): Promise<ReferrersRecord | undefined> {
    return this.#current.ask((store) => store.referrers(repository, subject));
  }

  putReferrers(
    repository: Repository,
    subject: Digest,
    descriptors: readonly ReferrerDescriptor[],
    checkedAt: number,
  ): Promise<void> {
    return this.#current.ask((store) => store.putReferrers(repository, subject, descriptors, checkedAt));
  }

  manifestsOfSubject(repository: Repository, subject: Digest): Promise<readonly Manifest[]> {
    return this.#current.ask((store) => store.manifestsOfSubject(repository, subject));
  }

  publicSince(repository: Repository): Promise<number | undefined> {
    return this.#current.ask((store) => store.publicSince(repository));
  }

  putPublic(repository: Repository, checkedAt: number | undefined): Promise<void> {
    return this.#current.ask((store) => store.putPublic(repository, checkedAt));
  }

  publicRepositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]> {
    return this.#current.ask((store) => store.publicRepositories(upstream, page));
  }

  repositoryBlob(repository: Repository, digest: Digest): Promise<RepositoryBlob | undefined> {
    return this.#current.ask((store) => store.repositoryBlob(repository, digest));
  }

  isPublicBlob(digest: Digest, open: readonly UpstreamName[]): Promise<boolean> {
    return this.#current.ask((store) => store.isPublicBlob(digest, open));
  }

  putRepositoryBlob(repository: Repository, digest: Digest, size: number): Promise<void> {
    return this.#current.ask((store) => store.putRepositoryBlob(repository, digest, size));
  }

  blob(digest: Digest): Promise<number | undefined> {
    return this.#current.ask((store) => store.blob(digest));
  }

  putBlob(digest: Digest, size: number): Promise<void> {
    return this.#current.ask((store) => store.putBlob(digest, size));
  }

  adoptBlob(digest: Digest, size: number): Promise<boolean> {
    return this.#current.ask((store) => store.adoptBlob(digest, size));
  }

  removeBlob(digest: Digest): Promise<boolean> {
    return this.#current.ask((store) => store.removeBlob(digest));
  }

  touch(digests: readonly Digest[]): void {
    this.#current.store?.touch(digests);
  }

  upstreamState(upstream: UpstreamName): Promise<UpstreamState | undefined> {
    return this.#current.ask((store) => store.upstreamState(upstream));
  }

  putUpstreamState(upstream: UpstreamName, state: Partial<UpstreamState>): Promise<void> {
    return this.#current.ask((store) => store.putUpstreamState(upstream, state));
  }

  async guardedUpstreams(): Promise<readonly UpstreamName[]> {
    const upstreams = await this.#current.ask((store) => store.guardedUpstreams());
    this.#mending.noteGuarded(upstreams);
    return upstreams;
  }

  async putGuarded(upstream: UpstreamName): Promise<void> {
    this.#mending.noteGuarded([upstream]);
    await this.#current.ask((store) => store.putGuarded(upstream));
  }

  check(): Promise<void> {
    return this.#current.ask((store) => store.check());
  }

  close(): Promise<void> {
    return this.#mending.close();
  }
}
