import type { Digest } from '../oci/digest.ts';
import type { Descriptor, ReferrerDescriptor } from '../oci/manifest.ts';
import type { ManifestReference, Repository, Tag, UpstreamName } from '../oci/reference.ts';
import type { NamedTarget } from '../oci/routing.ts';
import type { Loan } from '../store/content-store.ts';
import type { SearchResult } from '../upstream/registry.ts';
import type { Reader } from './access/reader.ts';

/**
 * How an answer came about, for the access log and `Cache-Status`: from the cache, by joining a fetch under
 * way, by a fetch of its own, or from the cache although upstream could not confirm it.
 */
export type CacheResult = 'hit' | 'joined' | 'miss' | 'stale';

/** What a client asks for, and who the client is. */
export interface PullTarget extends NamedTarget {
  readonly reader: Reader;
  /**
   * Asked by a web page, or by a client that wants only that: answered from the cache as it is, even where a
   * pull would ask upstream. Nothing is fetched, and nothing counts as used.
   */
  readonly cachedOnly: boolean;
}

/** What lets a caller give a `hit` again without asking for it, as long as asking would change nothing. */
export interface Validity {
  /**
   * Whether the same request would still be answered from the same records: they are in memory as they were,
   * nothing was evicted or quarantined, the reader is admitted, and a tag is fresh. Looks at memory only.
   */
  holds(): boolean;
  /** Notes that the answer was given again, which is a use of what is cached. */
  used(): void;
}

export type { Loan };

interface Answer {
  readonly result: CacheResult;
  /** Milliseconds spent waiting for upstream; 0 for an answer from the cache. */
  readonly upstreamMs: number;
  /**
   * What upstream had to say to people when it was asked for this answer, for `Warning: 299`; short plain
   * text. Not kept.
   */
  readonly notices?: readonly string[] | undefined;
}

/** An answer that may be given again without asking for it. */
interface ReusableAnswer extends Answer {
  /**
   * Of a `hit` that no upstream was asked for: as long as it holds, the same request has the same answer.
   * Undefined where not all that the answer rests on is in memory.
   */
  readonly validity?: Validity | undefined;
}

export interface ManifestAnswer extends ReusableAnswer {
  readonly descriptor: Descriptor;
  /** The bytes; always there for GET. A HEAD of a manifest that is not cached has none. */
  readonly bytes: Buffer | undefined;
  /** Why the answer is stale, for the `Warning` header; undefined when it is not. */
  readonly warning: string | undefined;
}

export interface BlobStat extends ReusableAnswer {
  /** Bytes in all. */
  readonly size: number;
}

/** A blob that is cached or arriving. */
export interface BlobAnswer extends ReusableAnswer {
  /**
   * Bytes in all. Undefined as long as that is in doubt: for an arriving blob of which upstream states no
   * size, or another than manifests do. It is known when the last bytes are given out, if not before.
   */
  readonly size: number | undefined;
  /**
   * Resolves to the bytes in all, as upstream states or as they were counted; undefined where that is not
   * known before all of them have been read. From then on {@link size} is the same.
   */
  measured(): Promise<number | undefined>;
  /** It grows while reads wait for bytes to come. */
  readonly upstreamMs: number;
  /**
   * Reads up to `length` bytes from `position` into the front of `buffer`, waiting for bytes to arrive.
   * Resolves to the number read, 0 only at the end. The last bytes of an arriving blob are given out only
   * once its hash is right. Rejects with RegistryError when they will not come; after {@link close} with any
   * error.
   */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  /**
   * Up to `length` bytes from `position` that are in memory anyway; undefined when they have to be read.
   * Waits and rejects as {@link read}. What was borrowed outlives {@link close}, until it is given back.
   */
  borrow(length: number, position: number): Promise<Loan | undefined>;
  /** Must be called once, also after a failed read. Releases reads that wait. The fill goes on. */
  close(): Promise<void>;
}

export interface TagsAnswer extends Answer {
  /** In lexical order, whole. */
  readonly tags: readonly Tag[];
  readonly warning: string | undefined;
}

export interface ReferrersAnswer extends Answer {
  readonly descriptors: readonly ReferrerDescriptor[];
  /** Whether only those of the artifact type that was asked for are listed. */
  readonly filtered: boolean;
  readonly warning: string | undefined;
}

/** What a search is for. */
export interface SearchQuery {
  readonly reader: Reader;
  /** Never empty. */
  readonly term: string;
  /** Results at most. */
  readonly limit: number;
  /** The upstream that the client was bound to: only its repositories are found. */
  readonly namespace?: UpstreamName | undefined;
  /** As in {@link PullTarget}; not, if it is left out. */
  readonly cachedOnly?: boolean;
}

export interface SearchAnswer {
  readonly results: readonly SearchResult[];
  /** Why these are only cached names, when Docker Hub was to be asked; else undefined. */
  readonly warning: string | undefined;
}

/** What a deletion took from the cache. */
export interface Removal {
  readonly tags: readonly Tag[];
  /** How many, with those that belonged to the one named. */
  readonly manifests: number;
  /** On disk, of blobs that no other image needs. */
  readonly bytes: number;
}

/** A page of the catalog, for one reader. */
export interface CatalogPage {
  readonly reader: Reader;
  /** The canonical name after which to start, itself excluded. */
  readonly last: string | undefined;
  readonly limit: number;
  /** The upstream that the client was bound to: only its repositories are listed. */
  readonly namespace?: UpstreamName | undefined;
}

/** A page of the list of images, for one reader. */
export interface ImagePage extends CatalogPage {
  /** The {@link ListedImage.key} after which to start, itself excluded. */
  readonly last: string | undefined;
}

/** A cached image: a tag, or an untagged root manifest. */
export interface ListedImage {
  /** Where it stands in the list: `docker.io/library/node:18@sha256:…`. */
  readonly key: string;
  readonly repository: Repository;
  readonly tag: Tag | undefined;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Cached bytes of its manifests and their blobs. */
  readonly bytes: number;
  /** Whether all blobs of its cached manifests are cached. Children of an index need not be. */
  readonly complete: boolean;
  /** Whether it is exempt from eviction. */
  readonly pinned: boolean;
  /** When upstream last confirmed the tag, in milliseconds since the epoch. */
  readonly checkedAt: number | undefined;
}

export interface Readiness {
  readonly ready: boolean;
  /** One line a problem, for people. */
  readonly problems: readonly string[];
}

/** What `http/` asks of the mirror. Every method rejects with RegistryError. */
export interface Mirror {
  manifest(target: PullTarget, reference: ManifestReference, method: 'GET' | 'HEAD'): Promise<ManifestAnswer>;
  /** Whether the blob may be read under that name, and its size; never downloads it. */
  statBlob(target: PullTarget, digest: Digest): Promise<BlobStat>;
  /** Opens a blob, starting or joining its fill when it is not cached. Resolves when its size is known. */
  openBlob(target: PullTarget, digest: Digest): Promise<BlobAnswer>;
  tags(target: PullTarget): Promise<TagsAnswer>;
  /** Manifests that refer to `digest`: all, or those of one artifact type. */
  referrers(target: PullTarget, digest: Digest, artifactType: string | undefined): Promise<ReferrersAnswer>;
  /**
   * Canonical names of cached repositories that the reader may see, in lexical order: plain for the default
   * upstream, `<upstream>/<name>` for others. Never asks upstream.
   */
  catalog(page: CatalogPage): Promise<readonly string[]>;
  /**
   * Cached images that the reader may see, by upstream, repository and tag; untagged ones after the tags. Never
   * asks upstream.
   */
  images(page: ImagePage): Promise<readonly ListedImage[]>;
  /** Searches Docker Hub where it is mirrored and answers, else the names of what is cached. */
  search(query: SearchQuery): Promise<SearchAnswer>;
  /**
   * Removes a tag or a manifest from the cache, and its bytes from the disk; upstream is neither asked nor
   * changed. Pulls under way end undisturbed. Rejects with a 404 when it is not cached or this reader may not
   * read it; with a 401 or 403 for a reader who may not delete; with a 403 that names the pattern for what is
   * pinned.
   */
  remove(target: PullTarget, reference: ManifestReference): Promise<Removal>;
  readiness(): Promise<Readiness>;
}
