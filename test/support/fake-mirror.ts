import { digestOf, type Digest } from '../../src/oci/digest.ts';
import { registryErrors } from '../../src/oci/error.ts';
import type { ReferrerDescriptor } from '../../src/oci/manifest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { referenceText, type ManifestReference, type Tag } from '../../src/oci/reference.ts';
import type {
  BlobAnswer,
  BlobStat,
  CacheResult,
  CatalogPage,
  ImagePage,
  ListedImage,
  ManifestAnswer,
  Mirror,
  PullTarget,
  Readiness,
  ReferrersAnswer,
  Removal,
  SearchAnswer,
  SearchQuery,
  Validity,
  TagsAnswer,
} from '../../src/mirror/mirror.ts';
import type { Reader } from '../../src/mirror/access/reader.ts';
import type { Loan } from '../../src/store/content-store.ts';
import type { SearchResult } from '../../src/upstream/registry.ts';

/** Where a fake blob's bytes come from. */
export interface BlobSource {
  readonly size: number;
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  /** Bytes that it has in memory. */
  borrow?(length: number, position: number): Loan | undefined;
}

/** A mirror in memory that does as it is told, and remembers what it was asked. */
export class FakeMirror implements Mirror {
  /** How the next answers come about. */
  result: CacheResult = 'hit';
  upstreamMs = 0;
  warning: string | undefined;
  /** Whether hits stand, so that they may be given again without asking. */
  givesValidity = false;
  /** Every method rejects with this while it is set. */
  failure: Error | undefined;
  /** Answers wait for this, when it is set. */
  gate: Promise<unknown> | undefined;
  ready: Readiness = { ready: true, problems: [] };
  /** Blobs that are open at the moment. */
  openBlobs = 0;
  /** `method name reference`, in order. */
  readonly calls: string[] = [];
  /** Targets, as they came in. */
  readonly targets: PullTarget[] = [];
  /** Who asked for the catalog and for searches. */
  readonly readers: Reader[] = [];
  /** Searches, as they came in. */
  readonly searches: SearchQuery[] = [];
  /** What lists of images have, by key. */
  listedImages: readonly ListedImage[] = [];
  /** What searches find, where the name contains the term. */
  searchResults: readonly SearchResult[] = [];
  readonly #manifests = new Map<string, { readonly bytes: Buffer; readonly mediaType: string }>();
  readonly #blobs = new Map<string, BlobSource>();
  readonly #tags = new Map<string, string[]>();
  readonly #referrers = new Map<string, readonly ReferrerDescriptor[]>();

  putManifest(name: string, tag: string, bytes: Buffer, mediaType: string = mediaTypes.ociManifest): Digest {
    const digest = digestOf(bytes);
    this.#manifests.set(`${name} ${tag}`, { bytes, mediaType });
    this.#manifests.set(`${name} ${digest}`, { bytes, mediaType });
    this.#tags.set(name, [...(this.#tags.get(name) ?? []), tag].sort());
    return digest;
  }

  putBlob(name: string, bytes: Buffer): Digest {
    const digest = digestOf(bytes);
    this.putBlobSource(name, digest, {
      size: bytes.length,
      read: (buffer, length, position) =>
        Promise.resolve(bytes.copy(buffer, 0, position, Math.min(bytes.length, position + length))),
    });
    return digest;
  }

  putBlobSource(name: string, digest: Digest, source: BlobSource): void {
    this.#blobs.set(`${name} ${digest}`, source);
  }

  manifest(
    target: PullTarget,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
  ): Promise<ManifestAnswer> {
    const validity = this.#validity(this.#manifests, `${target.name} ${referenceText(reference)}`);
    return this.#answer(`${method} manifest`, target, referenceText(reference), (key) => {
      const manifest = this.#manifests.get(key);
      if (manifest === undefined) throw registryErrors.manifestUnknown(referenceText(reference));
      const { bytes, mediaType } = manifest;
      return {
        ...this.#origin(validity),
        descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
        bytes: method === 'HEAD' ? undefined : bytes,
        warning: this.warning,
      };
    });
  }

  statBlob(target: PullTarget, digest: Digest): Promise<BlobStat> {
    const validity = this.#validity(this.#blobs, `${target.name} ${digest}`);
    return this.#answer('stat blob', target, digest, (key) => {
      const { size } = this.#source(key, digest);
      return { ...this.#origin(validity), size };
    });
  }

  openBlob(target: PullTarget, digest: Digest): Promise<BlobAnswer> {
    const validity = this.#validity(this.#blobs, `${target.name} ${digest}`);
    return this.#answer('open blob', target, digest, (key) => {
      const source = this.#source(key, digest);
      const closed = Promise.withResolvers<never>();
      closed.promise.catch(() => undefined);
      let open = true;
      this.openBlobs += 1;
      return {
        ...this.#origin(validity),
        size: source.size,
        measured: () => Promise.resolve(source.size),
        read: (buffer, length, position) =>
          Promise.race([source.read(buffer, length, position), closed.promise]),
        borrow: (length, position) => Promise.resolve(source.borrow?.(length, position)),
        close: () => {
          if (!open) return Promise.reject(new Error('a blob was closed twice'));
          open = false;
          this.openBlobs -= 1;
          closed.reject(new Error('the blob is closed'));
          return Promise.resolve();
        },
      };
    });
  }

  tags(target: PullTarget): Promise<TagsAnswer> {
    return this.#answer('tags', target, '', () => {
      const tags = this.#tags.get(target.name);
      if (tags === undefined) throw registryErrors.nameUnknown(target.name);
      return { ...this.#origin(), tags: tags as Tag[], warning: this.warning };
    });
  }

  referrers(target: PullTarget, digest: Digest, artifactType: string | undefined): Promise<ReferrersAnswer> {
    return this.#answer('referrers', target, digest, (key) => {
      const all = this.#referrers.get(key) ?? [];
      const filtered = artifactType !== undefined;
      const descriptors = filtered ? all.filter((one) => one.artifactType === artifactType) : all;
      return { ...this.#origin(), descriptors, filtered, warning: this.warning };
    });
  }

  putReferrers(name: string, subject: Digest, descriptors: readonly ReferrerDescriptor[]): void {
    this.#referrers.set(`${name} ${subject}`, descriptors);
  }

  async search(query: SearchQuery): Promise<SearchAnswer> {
    const { reader, term, limit } = query;
    this.searches.push(query);
    this.calls.push(`search ${term} ${limit}`);
    this.readers.push(reader);
    if (this.failure !== undefined) throw this.failure;
    await this.gate;
    const results = this.searchResults.filter(({ name }) => name.includes(term)).slice(0, limit);
    return { results, warning: this.warning };
  }

  catalog({ reader, last, limit }: CatalogPage): Promise<readonly string[]> {
    this.readers.push(reader);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const names = [...this.#tags.keys()].sort().filter((name) => last === undefined || name > last);
    return Promise.resolve(names.slice(0, limit));
  }

  images({ reader, last, limit }: ImagePage): Promise<readonly ListedImage[]> {
    this.readers.push(reader);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const rest = this.listedImages.filter(({ key }) => last === undefined || key > last);
    return Promise.resolve(rest.slice(0, limit));
  }

  remove(target: PullTarget, reference: ManifestReference): Promise<Removal> {
    return this.#answer('remove', target, referenceText(reference), (key) => {
      const manifest = this.#manifests.get(key);
      if (manifest === undefined) throw registryErrors.manifestUnknown(referenceText(reference));
      this.#manifests.delete(key);
      return { tags: 'tag' in reference ? [reference.tag] : [], manifests: 1, bytes: manifest.bytes.length };
    });
  }

  readiness(): Promise<Readiness> {
    return Promise.resolve(this.ready);
  }

  /** As long as nothing else is put under that name. */
  #validity(held: ReadonlyMap<string, object>, key: string): Validity | undefined {
    const before = held.get(key);
    if (before === undefined || !this.givesValidity) return undefined;
    return {
      holds: () => this.givesValidity && held.get(key) === before,
      used: () => {
        this.calls.push(`used ${key}`);
      },
    };
  }

  #origin(validity?: Validity): Pick<BlobStat, 'result' | 'upstreamMs' | 'validity'> {
    const { result, upstreamMs } = this;
    return { result, upstreamMs, validity: result === 'hit' && upstreamMs === 0 ? validity : undefined };
  }

  #source(key: string, digest: Digest): BlobSource {
    const source = this.#blobs.get(key);
    if (source === undefined) throw registryErrors.blobUnknown(digest);
    return source;
  }

  async #answer<T>(
    what: string,
    target: PullTarget,
    reference: string,
    make: (key: string) => T,
  ): Promise<T> {
    this.calls.push(`${what} ${target.name} ${reference}`.trim());
    this.targets.push(target);
    if (this.failure !== undefined) throw this.failure;
    await this.gate;
    return make(`${target.name} ${reference}`);
  }
}
