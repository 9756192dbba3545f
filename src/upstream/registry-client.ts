import type { Clock } from '../clock.ts';
import { parseDigest, type Digest } from '../oci/digest.ts';
import { maxManifestBytes, type ReferrerDescriptor } from '../oci/manifest.ts';
import { bareMediaType, manifestMediaTypes, mediaTypes } from '../oci/media-type.ts';
import {
  referenceText,
  type ManifestReference,
  type RepositoryName,
  type Tag,
  type UpstreamName,
} from '../oci/reference.ts';
import { answerError } from './answer-error.ts';
import type { AuthorizedSender } from './auth/authorized-sender.ts';
import { pullScope } from './auth/scope.ts';
import { blobStream, requireIdentity } from './blob-answer.ts';
import type { DockerSearch } from './docker-search.ts';
import { contentLength, headerText, type UpstreamRequest, type UpstreamResponse } from './http-message.ts';
import { nextPage } from './next-page.ts';
import { parseRateLimit, type RateLimitObserver } from './rate-limit.ts';
import { ReferrerPages } from './referrer-pages.ts';
import {
  UpstreamError,
  type BlobStream,
  type FetchedManifest,
  type ManifestHead,
  type RequestOptions,
  type SearchResult,
  type UpstreamRegistry,
} from './registry.ts';
import { TagPages } from './tag-pages.ts';

const maxPageBytes = 8 * 1024 * 1024;
const tagsPerPage = 1000;

export interface RegistryClientOptions {
  readonly name: UpstreamName;
  /** Scheme, host, and a path if the registry's API is below one. */
  readonly url: URL;
  /** For what is small: tried again when it fails in passing. */
  readonly metadata: AuthorizedSender;
  /** For the contents of blobs: one try. */
  readonly blobs: AuthorizedSender;
  readonly search: DockerSearch;
  readonly clock: Clock;
  /** Milliseconds within which a manifest or a page of tags must be there, once its headers are. */
  readonly bodyTimeoutMs: number;
  readonly onRateLimit?: RateLimitObserver | undefined;
  readonly close: () => Promise<void>;
}

/** Asks a registry over HTTP as the distribution specification has it. */
export class RegistryClient implements UpstreamRegistry {
  readonly name: UpstreamName;
  readonly #url: URL;
  readonly #metadata: AuthorizedSender;
  readonly #blobs: AuthorizedSender;
  readonly #search: DockerSearch;
  readonly #clock: Clock;
  readonly #bodyTimeoutMs: number;
  readonly #onRateLimit: RateLimitObserver | undefined;
  readonly #close: () => Promise<void>;

  constructor(options: RegistryClientOptions) {
    this.name = options.name;
    this.#url = options.url;
    this.#metadata = options.metadata;
    this.#blobs = options.blobs;
    this.#search = options.search;
    this.#clock = options.clock;
    this.#bodyTimeoutMs = options.bodyTimeoutMs;
    this.#onRateLimit = options.onRateLimit;
    this.#close = options.close;
  }

  async headManifest(
    repository: RepositoryName,
    reference: ManifestReference,
    { signal }: RequestOptions = {},
  ): Promise<ManifestHead> {
    const response = await this.#manifest('HEAD', repository, reference, signal);
    response.body.discard();
    return manifestHead(response);
  }

  async getManifest(
    repository: RepositoryName,
    reference: ManifestReference,
    { signal }: RequestOptions = {},
  ): Promise<FetchedManifest> {
    const response = await this.#manifest('GET', repository, reference, signal);
    const bytes = await response.body.read(maxManifestBytes, this.#bodyTimeoutMs);
    return { ...manifestHead(response), bytes };
  }

  async headBlob(
    repository: RepositoryName,
    digest: Digest,
    { signal }: RequestOptions = {},
  ): Promise<number | undefined> {
    const url = this.#endpoint(repository, 'blobs', digest);
    const request: UpstreamRequest = { method: 'HEAD', url, headers: {}, lane: 'metadata', signal };
    const response = await this.#sendForBlob(this.#metadata, request, repository);
    if (response.status !== 200) throw await answerError(response, this.#clock.now());
    response.body.discard();
    return contentLength(response.headers);
  }

  async openBlob(
    repository: RepositoryName,
    digest: Digest,
    offset: number,
    { signal }: RequestOptions = {},
  ): Promise<BlobStream> {
    const url = this.#endpoint(repository, 'blobs', digest);
    const headers: UpstreamRequest['headers'] = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const request: UpstreamRequest = { method: 'GET', url, headers, lane: 'blob', signal };
    const response = await this.#sendForBlob(this.#blobs, request, repository);
    if (response.status !== 200 && response.status !== 206) {
      throw await answerError(response, this.#clock.now());
    }
    try {
      return blobStream(response, offset);
    } catch (error) {
      response.body.discard();
      throw error;
    }
  }

  async listTags(repository: RepositoryName, { signal }: RequestOptions = {}): Promise<readonly Tag[]> {
    const pages = new TagPages();
    const first = this.#endpoint(repository, 'tags', 'list');
    first.searchParams.set('n', String(tagsPerPage));
    for (let url: URL | undefined = first; url !== undefined && !pages.full;) {
      const request: UpstreamRequest = {
        method: 'GET',
        url,
        headers: { accept: 'application/json' },
        lane: 'metadata',
        signal,
      };
      const response = await this.#expectOk(await this.#metadata.send(request, pullScope(repository)));
      pages.add(await response.body.read(maxPageBytes, this.#bodyTimeoutMs), url.host);
      url = nextPage(response, url);
    }
    return pages.tags;
  }

  async referrers(
    repository: RepositoryName,
    digest: Digest,
    { signal }: RequestOptions = {},
  ): Promise<readonly ReferrerDescriptor[] | undefined> {
    const pages = new ReferrerPages();
    const first = this.#endpoint(repository, 'referrers', digest);
    for (let url: URL | undefined = first; url !== undefined && !pages.full;) {
      const request: UpstreamRequest = {
        method: 'GET',
        url,
        headers: { accept: mediaTypes.ociIndex },
        lane: 'metadata',
        seeOther: 'return',
        signal,
      };
      const response = await this.#metadata.send(request, pullScope(repository));
      if (url === first && [303, 404, 405].includes(response.status)) {
        response.body.discard();
        return undefined;
      }
      const { body } = await this.#expectOk(response);
      if (!pages.add(await body.read(maxPageBytes, this.#bodyTimeoutMs), url.host)) return undefined;
      url = nextPage(response, url);
    }
    return pages.descriptors;
  }

  async search(term: string, limit: number, options: RequestOptions = {}): Promise<readonly SearchResult[]> {
    return this.#search.find(term, limit, options);
  }

  async close(): Promise<void> {
    await this.#close();
  }

  async #manifest(
    method: 'GET' | 'HEAD',
    repository: RepositoryName,
    reference: ManifestReference,
    signal: AbortSignal | undefined,
  ): Promise<UpstreamResponse> {
    const request: UpstreamRequest = {
      method,
      url: this.#endpoint(repository, 'manifests', referenceText(reference)),
      headers: { accept: manifestMediaTypes.join(', ') },
      lane: 'metadata',
      signal,
    };
    const response = await this.#metadata.send(request, pullScope(repository));
    const rateLimit = parseRateLimit(response.headers);
    if (rateLimit !== undefined) this.#onRateLimit?.(this.name, rateLimit);
    return this.#expectOk(response);
  }

  async #expectOk(response: UpstreamResponse): Promise<UpstreamResponse> {
    if (response.status !== 200) throw await answerError(response, this.#clock.now());
    try {
      requireIdentity(response);
    } catch (error) {
      response.body.discard();
      throw error;
    }
    return response;
  }

  /**
   * Blobs are redirected to signed URLs that expire. When the host behind the redirect refuses, the registry is asked for
   * a fresh redirect, once. If that is refused too, 404 and 410 mean that the blob is gone; whatever else the host says
   * is trouble between it and the registry, and no verdict on the right to the blob.
   */
  async #sendForBlob(
    sender: AuthorizedSender,
    request: UpstreamRequest,
    repository: RepositoryName,
  ): Promise<UpstreamResponse> {
    const scope = pullScope(repository);
    const first = await sender.send(request, scope);
    if (!isRefusedElsewhere(first, request)) return first;
    first.body.discard();
    const second = await sender.send(request, scope);
    if (!isRefusedElsewhere(second, request) || second.status === 404 || second.status === 410) return second;
    second.body.discard();
    const { host } = second.url;
    throw new UpstreamError(
      'unavailable',
      `${host}, where ${request.url.host} redirects to: ${second.status}`,
      {
        status: second.status,
      },
    );
  }

  /**
   * Names, tags and digests consist of characters that stand for themselves in a path, and no component is `.` or `..`:
   * their parsers saw to that.
   */
  #endpoint(
    repository: RepositoryName,
    kind: 'manifests' | 'blobs' | 'tags' | 'referrers',
    last: string,
  ): URL {
    return new URL(
      `${this.#url.pathname.replace(/\/+$/, '')}/v2/${repository}/${kind}/${last}`,
      this.#url.origin,
    );
  }
}

/** Statuses of a foreign host that a fresh redirect may mend. */
function isRefusedElsewhere({ status, url }: UpstreamResponse, request: UpstreamRequest): boolean {
  if (url.origin === request.url.origin) return false;
  return status >= 500 || [400, 401, 403, 404, 410].includes(status);
}

function manifestHead({ headers }: UpstreamResponse): ManifestHead {
  const mediaType = bareMediaType(headerText(headers, 'content-type') ?? '');
  return {
    digest: parseDigest(headerText(headers, 'docker-content-digest') ?? ''),
    mediaType: mediaType === '' ? undefined : mediaType,
    size: contentLength(headers),
  };
}
