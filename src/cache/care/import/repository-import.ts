import type { Digest } from '../../../oci/digest.ts';
import { readManifest, type Descriptor, type ManifestContents } from '../../../oci/manifest.ts';
import type { Repository } from '../../../oci/reference.ts';
import type { MetadataStore } from '../../../store/metadata-store.ts';
import type { InUse } from '../../in-use.ts';
import type { ImportEvent } from '../schemas.ts';
import type { Allowance } from './allowance.ts';
import type { BlobImport } from './blob-import.ts';
import type { ImportJournal } from './import-journal.ts';
import type { RegistryFolder } from './registry-folder.ts';
import type { RepositoryFolder } from './repository-folder.ts';
import { readStoredManifest, type StoredManifest } from './stored-manifest.ts';

/** Of indexes in indexes. */
const deepest = 8;

export interface RepositoryImportDeps {
  readonly registry: RegistryFolder;
  readonly folder: RepositoryFolder;
  /** Its name in this cache. */
  readonly repository: Repository;
  readonly metadata: MetadataStore;
  readonly inUse: InUse;
  readonly blobs: BlobImport;
  readonly allowance: Allowance;
  readonly journal: ImportJournal;
}

/**
 * Imports one repository: what a manifest names before the manifest, and tags last, so that a crash does no
 * harm.
 */
export class RepositoryImport {
  readonly #deps: RepositoryImportDeps;
  readonly #name: string;
  /** By manifest, whether it is cached now. */
  readonly #done = new Map<Digest, boolean>();

  constructor(deps: RepositoryImportDeps) {
    this.#deps = deps;
    this.#name = deps.folder.name;
  }

  async *run(): AsyncGenerator<ImportEvent, void> {
    const { folder, journal } = this.#deps;
    for await (const digest of folder.manifests(journal.skip)) {
      yield* this.#manifest(digest, 0);
      yield* journal.events();
    }
    for await (const { tag, digest } of folder.tags(journal.skip)) {
      if (this.#done.get(digest) === true) await this.#tag(tag, digest);
      else if (!this.#done.has(digest))
        journal.skip(`${this.#name}:${tag}`, 'points to a manifest that was deleted');
      else journal.skip(`${this.#name}:${tag}`, 'points to a manifest that cannot be taken over');
      yield* journal.events();
    }
    for await (const upload of folder.uploads()) {
      journal.skip(`${this.#name}/_uploads/${upload}`, 'is an upload that has not ended');
      yield* journal.events();
    }
  }

  /** A tag that is cached already comes from upstream, and counts for more than the registry's. */
  async #tag(tag: Parameters<MetadataStore['tag']>[1], digest: Digest): Promise<void> {
    const { repository, metadata, journal } = this.#deps;
    if ((await metadata.tag(repository, tag)) !== undefined) return;
    // Never checked: upstream is asked at the first use.
    if (await metadata.putTag(repository, tag, { digest, checkedAt: 0 })) journal.count('tags');
  }

  async *#manifest(digest: Digest, depth: number): AsyncGenerator<ImportEvent, void> {
    const { registry, repository, metadata, journal } = this.#deps;
    if (this.#done.has(digest)) return;
    this.#done.set(digest, false);
    const held = await metadata.manifest(repository, digest);
    const stored: StoredManifest | { readonly reason: string } =
      held === undefined
        ? await readStoredManifest(digest, registry.blobPath(digest))
        : { manifest: held, contents: readManifest(held.bytes), hasForeignLayers: false };
    if ('reason' in stored) {
      journal.skip(`${this.#name}@${digest}`, stored.reason);
      return;
    }
    const { manifest, contents, hasForeignLayers } = stored;
    if (hasForeignLayers) {
      journal.skip(`${this.#name}@${digest}`, `names foreign layers, which clients fetch elsewhere`);
    }
    const refusal = held === undefined ? await this.#quotaRefusal(contents) : undefined;
    if (refusal !== undefined) {
      journal.skip(`${this.#name}@${digest}`, refusal);
      return;
    }
    yield* this.#children(contents.children, depth);
    using holds = new DisposableStack();
    for (const blob of contents.blobs) holds.use(this.#deps.inUse.hold(blob.digest));
    yield* this.#blobs(contents.blobs);
    if (held === undefined) {
      await metadata.putManifest(repository, manifest, contents);
      journal.count('manifests');
    }
    await this.#grant(contents);
    this.#done.set(digest, true);
  }

  /** What other repositories already have counts as well: rather skip too much than evict. */
  async #quotaRefusal({ blobs }: ManifestContents): Promise<string | undefined> {
    const { repository, metadata, allowance } = this.#deps;
    let bytes = 0;
    for (const { digest, size } of blobs) {
      if ((await metadata.repositoryBlob(repository, digest)) === undefined) bytes += size;
    }
    return allowance.quotaRefusal(repository, bytes);
  }

  /** Only those that the repository has: a mirror has only the platforms that were pulled. */
  async *#children(children: readonly Descriptor[], depth: number): AsyncGenerator<ImportEvent, void> {
    for (const { digest } of children) {
      if (!(await this.#deps.folder.hasManifest(digest))) continue;
      if (depth < deepest) yield* this.#manifest(digest, depth + 1);
      else this.#deps.journal.skip(`${this.#name}@${digest}`, 'lies too deep in indexes of indexes');
    }
  }

  async *#blobs(named: readonly Descriptor[]): AsyncGenerator<ImportEvent, void> {
    const { registry, folder, blobs, journal } = this.#deps;
    for (const { digest } of named) {
      await blobs.take(digest, registry.blobPath(digest), () => folder.hasBlob(digest));
      yield* journal.events();
    }
  }

  /**
   * Anybody can write a manifest that names a blob; the registry's own link proves that the repository has
   * it.
   */
  async #grant({ blobs }: ManifestContents): Promise<void> {
    const { folder, repository, metadata } = this.#deps;
    for (const { digest } of blobs) {
      const known = await metadata.repositoryBlob(repository, digest);
      if (known?.confirmed === true) continue;
      const size = await metadata.blob(digest);
      if (size === undefined || !(await folder.hasBlob(digest))) continue;
      await metadata.putRepositoryBlob(repository, digest, size);
    }
  }
}
