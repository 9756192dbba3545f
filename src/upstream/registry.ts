import type { Digest } from '../oci/digest.ts';
import type { ReferrerDescriptor } from '../oci/manifest.ts';
import type { ManifestReference, RepositoryName, Tag, UpstreamName } from '../oci/reference.ts';
import type { Share } from './throttle/share.ts';

/** What an upstream's answer to HEAD or GET of a manifest says. */
export interface ManifestHead {
  /** From `Docker-Content-Digest`; undefined when the upstream does not send it. */
  readonly digest: Digest | undefined;
  /** `Content-Type` without parameters, or undefined. */
  readonly mediaType: string | undefined;
  /** `Content-Length` in bytes, or undefined. */
  readonly size: number | undefined;
  /** The manifest itself, where it took a GET to find out: some registries do not answer HEAD. */
  readonly bytes?: Buffer | undefined;
}

export interface FetchedManifest extends ManifestHead {
  readonly bytes: Buffer;
}

/** A blob arriving from upstream, from `offset` on. */
export interface BlobStream {
  /** Where the body starts: what was asked for, or 0 when the upstream ignored the range. */
  readonly offset: number;
  /** The whole blob's size in bytes as the answer states it, or undefined. */
  readonly size: number | undefined;
  /**
   * The bytes; a chunk is valid until the next is asked for. Ends normally only at the end of the HTTP
   * message; a cut, an idle timeout or the signal rejects with UpstreamError. To be read to the end or left
   * (`break`, `return()`), which frees the connection.
   */
  readonly body: AsyncIterable<Buffer>;
  /** Who sends the bytes, with the port if it is not the usual one. */
  readonly host: string;
  /** Resolves when the body has ended, failed or been left: to the failure, if any. Never rejects. */
  readonly ended: Promise<UpstreamError | undefined>;
  /**
   * Opens another part at the place that this one came from, while the last redirect is good. There when the
   * answer is a range.
   */
  readonly range?: BlobOpener | undefined;
  /** To be called when the whole blob does not match its digest; there when that changes the next answer. */
  readonly mismatched?: (() => void) | undefined;
}

/** Which bytes of a blob are asked for. */
export interface BlobRange {
  readonly offset: number;
  /** Exclusive; to the end of the blob if not given. */
  readonly end?: number | undefined;
  /** The download that it is a part of, for limits of the bandwidth; if not given, it is one by itself. */
  readonly share?: Share | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the bytes of a blob. Resolves to a stream that starts elsewhere when the upstream ignores ranges.
 * Rejects with {@link UpstreamError}.
 * @param expectedSize of the whole blob, for those who may fetch it in several ranges; undefined: it is to
 * come in one
 */
export type BlobOpener = (range: BlobRange, expectedSize?: number) => Promise<BlobStream>;

/** A repository that a search found. */
export interface SearchResult {
  /** As the registry's users write it: `busybox`, `owner/image`. */
  readonly name: string;
  readonly description: string;
  readonly starCount: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told the registry's messages (`Warning: 299`) with manifests and lists, as short plain text. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

export interface TagListOptions extends RequestOptions {
  /** One page of at most so many will do; all pages if not given. */
  readonly atMost?: number | undefined;
}

/**
 * One upstream registry, as the mirror asks it: authorization, redirects, timeouts and quick retries happen
 * inside. Every method rejects with {@link UpstreamError} and nothing else. None writes to the upstream.
 */
export interface UpstreamRegistry extends AsyncDisposable {
  readonly name: UpstreamName;
  /**
   * HEAD of a manifest: not a counted pull on Docker Hub. A GET, with the bytes, where the registry does not
   * answer HEAD. The digest is not checked.
   */
  headManifest(
    repository: RepositoryName,
    reference: ManifestReference,
    options?: RequestOptions,
  ): Promise<ManifestHead>;
  /** GET of a manifest: a counted pull on Docker Hub. Over 4 MiB is `invalid`. The digest is not checked. */
  getManifest(
    repository: RepositoryName,
    reference: ManifestReference,
    options?: RequestOptions,
  ): Promise<FetchedManifest>;
  /** HEAD of a blob, or a GET of its beginning where the registry answers no HEAD; its size, if stated. */
  headBlob(repository: RepositoryName, digest: Digest, options?: RequestOptions): Promise<number | undefined>;
  /**
   * GET of a blob, one attempt (with at most one token renewal): whoever resumes, counts the attempts. An
   * offset at or past the blob's end rejects with kind `range`. The answer to a request with an `end` is
   * shorter where the blob is.
   */
  openBlob(repository: RepositoryName, digest: Digest, range: BlobRange): Promise<BlobStream>;
  /** All tags in upstream's order, capped, or one page. Never a counted pull. */
  listTags(repository: RepositoryName, options?: TagListOptions): Promise<readonly Tag[]>;
  /**
   * The manifests that refer to `digest`, capped. Undefined when the registry has no referrers API: 404, 405,
   * or a web page.
   * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
   */
  referrers(
    repository: RepositoryName,
    digest: Digest,
    options?: RequestOptions,
  ): Promise<readonly ReferrerDescriptor[] | undefined>;
  /** Docker's own search, `/v1/search`, asked anonymously: at most `limit` repositories. */
  search(term: string, limit: number, options?: RequestOptions): Promise<readonly SearchResult[]>;
}

export type UpstreamErrorKind =
  /** 404: the upstream does not have it. */
  | 'not-found'
  /** 401 that a fresh token does not mend: no such repository, or no right to it, or wrong credentials. */
  | 'unauthorized'
  /** 403. */
  | 'denied'
  /** 429. */
  | 'rate-limited'
  /** 416, or an offset past the end. */
  | 'range'
  /** No answer: refused, reset, DNS, TLS, cut in mid-body; or 5xx. */
  | 'unavailable'
  /** No answer in time: connect, headers, or an idle body. */
  | 'timeout'
  /** An answer that makes no sense: a wrong range, length, redirect or realm, an unexpected status. */
  | 'invalid'
  /** The caller's signal. */
  | 'aborted'
  /** The mirror is offline: nothing was asked. */
  | 'offline';

export interface UpstreamErrorOptions extends ErrorOptions {
  /** The HTTP status behind it, if there was an answer. */
  readonly status?: number | undefined;
  /** Seconds, from `Retry-After`, however that was written; capped. */
  readonly retryAfter?: number | undefined;
  /** Whether the same request would surely fail alike; if not given, it may succeed. */
  readonly permanent?: boolean | undefined;
  /** As {@link UpstreamError.isOfLogin}; false if not given. */
  readonly isOfLogin?: boolean | undefined;
  /** What the operator can do about it. */
  readonly advice?: string | undefined;
}

/** Why an upstream request failed. The message, for operators and clients, holds no secret, no query. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;
  readonly permanent: boolean;
  /** Whether a token service failed, or a password was refused, which must not be shown once more. */
  readonly isOfLogin: boolean;

  /** The message without the advice at its end. */
  readonly reason: string;
  readonly advice: string | undefined;

  constructor(kind: UpstreamErrorKind, reason: string, options: UpstreamErrorOptions = {}) {
    const { advice } = options;
    super(advice === undefined ? reason : `${reason}; ${advice}`, options);
    this.reason = reason;
    this.advice = advice;
    this.kind = kind;
    this.status = options.status;
    this.retryAfter = options.retryAfter;
    this.permanent = options.permanent ?? false;
    this.isOfLogin = options.isOfLogin ?? false;
  }
}
