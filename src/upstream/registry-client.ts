import type { Clock } from '../base/clock.ts';
import type { Digest } from '../oci/digest.ts';
import type { ReferrerDescriptor } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-type.ts';
import type { ManifestReference, RepositoryName, Tag, UpstreamName } from '../oci/reference.ts';
import { answerError } from './answer-error.ts';
import type { AuthorizedSender } from './auth/authorized-sender.ts';
import { pullScope } from './auth/scope.ts';
import type { BlobClient } from './blob-client.ts';
import { readDecoded } from './content-encoding.ts';
import type { DockerSearch } from './docker-search.ts';
import { endpoint } from './endpoint.ts';
import type { UpstreamRequest, UpstreamResponse } from './http-message.ts';
import type { ManifestClient } from './manifest-client.ts';
import { nextPage } from './next-page.ts';
import { ReferrerPages } from './referrer-pages.ts';
import type {
  BlobRange,
  BlobStream,
  FetchedManifest,
  ManifestHead,
  RequestOptions,
  SearchResult,
  TagListOptions,
  UpstreamRegistry,
} from './registry.ts';
import { TagPages } from './tag-pages.ts';
import { parseWarnings } from './warnings.ts';

const maxPageBytes = 8 * 1024 * 1024;
const tagsPerPage = 1000;

export interface RegistryClientOptions {
  readonly name: UpstreamName;
  /** Scheme, host, and a path if the registry's API is below one. */
  readonly url: URL;
  /** For what is small: tried again when it fails in passing. */
  readonly metadata: AuthorizedSender;
  readonly manifests: ManifestClient;
  readonly blobs: BlobClient;
  readonly search: DockerSearch;
  readonly clock: Clock;
  /** Milliseconds within which a page of a list must be there, once its headers are. */
  readonly bodyTimeoutMs: number;
  readonly close: () => Promise<void>;
}

/** Asks a registry over HTTP as the distribution specification has it. */
export class RegistryClient implements UpstreamRegistry {
  readonly name: UpstreamName;
  readonly #url: URL;
  readonly #metadata: AuthorizedSender;
  readonly #manifests: ManifestClient;
  readonly #blobs: BlobClient;
  readonly #search: DockerSearch;
  readonly #clock: Clock;
  readonly #bodyTimeoutMs: number;
  readonly #close: () => Promise<void>;

  constructor(options: RegistryClientOptions) {
    this.name = options.name;
    this.#url = options.url;
    this.#metadata = options.metadata;
    this.#manifests = options.manifests;
    this.#blobs = options.blobs;
    this.#search = options.search;
    this.#clock = options.clock;
    this.#bodyTimeoutMs = options.bodyTimeoutMs;
    this.#close = options.close;
  }

  async headManifest(
    repository: RepositoryName,
    reference: ManifestReference,
    options: RequestOptions = {},
  ): Promise<ManifestHead> {
    return this.#manifests.head(repository, reference, options);
  }

  async getManifest(
    repository: RepositoryName,
    reference: ManifestReference,
    options: RequestOptions = {},
  ): Promise<FetchedManifest> {
    return this.#manifests.get(repository, reference, options);
  }

  async headBlob(
    repository: RepositoryName,
    digest: Digest,
    options: RequestOptions = {},
  ): Promise<number | undefined> {
    return this.#blobs.size(repository, digest, options);
  }

  async openBlob(repository: RepositoryName, digest: Digest, range: BlobRange): Promise<BlobStream> {
    return this.#blobs.open(repository, digest, range);
  }

  async listTags(
    repository: RepositoryName,
    { signal, atMost, onWarning }: TagListOptions = {},
  ): Promise<readonly Tag[]> {
    const pages = new TagPages();
    const first = endpoint(this.#url, repository, 'tags', 'list');
    first.searchParams.set('n', String(atMost ?? tagsPerPage));
    const asked = new Set<string>();
    let url: URL | undefined = first;
    while (url !== undefined && !pages.full) {
      asked.add(url.href);
      const request: UpstreamRequest = {
        method: 'GET',
        url,
        headers: { accept: 'application/json' },
        pool: 'metadata',
        signal,
      };
      const response = await this.#expectOk(
        await this.#metadata.send(request, pullScope(repository)),
        onWarning,
      );
      pages.add(await this.#read(response), response.url.host, response.headers);
      url = atMost === undefined ? nextPage(response, url, asked) : undefined;
    }
    if (url !== undefined) onWarning?.(`only the first ${pages.tags.length} tags are listed`);
    return pages.tags;
  }

  async referrers(
    repository: RepositoryName,
    digest: Digest,
    { signal, onWarning }: RequestOptions = {},
  ): Promise<readonly ReferrerDescriptor[] | undefined> {
    const pages = new ReferrerPages();
    const first = endpoint(this.#url, repository, 'referrers', digest);
    const asked = new Set<string>();
    let url: URL | undefined = first;
    while (url !== undefined && !pages.full) {
      asked.add(url.href);
      const request: UpstreamRequest = {
        method: 'GET',
        url,
        headers: { accept: mediaTypes.ociIndex },
        pool: 'metadata',
        seeOther: 'return',
        signal,
      };
      const response = await this.#metadata.send(request, pullScope(repository));
      if (url === first && [303, 404, 405].includes(response.status)) {
        response.body.discard();
        return undefined;
      }
      await this.#expectOk(response, onWarning);
      if (!pages.add(await this.#read(response), response.url.host, response.headers)) return undefined;
      url = nextPage(response, url, asked);
    }
    if (url !== undefined) onWarning?.(`only the first ${pages.descriptors.length} referrers are listed`);
    return pages.descriptors;
  }

  async search(term: string, limit: number, options: RequestOptions = {}): Promise<readonly SearchResult[]> {
    return this.#search.find(term, limit, options);
  }

  async close(): Promise<void> {
    await this.#close();
  }

  async #expectOk(
    response: UpstreamResponse,
    onWarning: RequestOptions['onWarning'],
  ): Promise<UpstreamResponse> {
    if (response.status !== 200) throw await answerError(response, this.#clock.now());
    for (const text of parseWarnings(response.headers)) onWarning?.(text);
    return response;
  }

  #read(response: UpstreamResponse): Promise<Buffer> {
    return readDecoded(response, maxPageBytes, this.#bodyTimeoutMs);
  }
}
