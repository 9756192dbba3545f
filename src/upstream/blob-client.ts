import type { Clock } from '../base/clock.ts';
import { lru } from '../base/lru.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { answerError } from './answer-error.ts';
import type { AuthorizedSender } from './auth/authorized-sender.ts';
import { pullScope } from './auth/scope.ts';
import { blobStream } from './blob-answer.ts';
import { contentEncoding } from './content-encoding.ts';
import { parseContentRange } from './content-range.ts';
import { endpoint } from './endpoint.ts';
import type { HeadSupport } from './head-support.ts';
import { contentLength, headerText } from './headers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from './http-message.ts';
import {
  UpstreamError,
  type BlobRange,
  type BlobStream,
  type BlobOpener,
  type RequestOptions,
} from './registry.ts';

const maxEncoded = 1_000;

export interface BlobClientOptions {
  readonly url: URL;
  /** For sizes: tried again when it fails in passing. */
  readonly metadata: AuthorizedSender;
  /** For contents: one try. */
  readonly contents: AuthorizedSender;
  /** For contents at a place that the registry has redirected to: one try, with no authorization. */
  readonly redirected: Sender;
  readonly heads: HeadSupport;
  readonly clock: Clock;
}

/** Asks a registry, and the storage that it redirects to, for blobs. */
export class BlobClient {
  readonly #url: URL;
  readonly #metadata: AuthorizedSender;
  readonly #contents: AuthorizedSender;
  readonly #redirected: Sender;
  readonly #heads: HeadSupport;
  readonly #clock: Clock;
  /** Blobs of which an encoded form came. */
  readonly #encoded = lru<Digest, true>(maxEncoded);

  constructor({ url, metadata, contents, redirected, heads, clock }: BlobClientOptions) {
    this.#url = url;
    this.#metadata = metadata;
    this.#contents = contents;
    this.#redirected = redirected;
    this.#heads = heads;
    this.#clock = clock;
  }

  async size(
    repository: RepositoryName,
    digest: Digest,
    { signal }: RequestOptions,
  ): Promise<number | undefined> {
    const url = endpoint(this.#url, repository, 'blobs', digest);
    return this.#heads.ask(
      async () => {
        const head: UpstreamRequest = { method: 'HEAD', url, headers: {}, pool: 'metadata', signal };
        const response = await this.#send(this.#metadata, head, repository);
        if (response.status !== 200) throw await answerError(response, this.#clock.now());
        response.body.discard();
        return contentLength(response.headers);
      },
      () => this.#sizeByGet(url, repository, signal),
    );
  }

  async open(repository: RepositoryName, digest: Digest, range: BlobRange): Promise<BlobStream> {
    const request = blobRequest(endpoint(this.#url, repository, 'blobs', digest), range);
    const response = await this.#send(this.#contents, request, repository);
    const stream = await this.#stream(response, digest, range);
    if (response.status === 200) return stream;
    return { ...stream, range: this.#rangesAt(response.url, repository, digest) };
  }

  /** Opens ranges of a blob at `place`, and where that refuses, where the registry now redirects to. */
  #rangesAt(place: URL, repository: RepositoryName, digest: Digest): BlobOpener {
    const openAt: BlobOpener = async (range) => {
      if (place.origin === this.#url.origin) return this.open(repository, digest, range);
      const response = await this.#redirected.send(blobRequest(place, range));
      if (isExpired(response)) {
        response.body.discard();
        return this.open(repository, digest, range);
      }
      return { ...(await this.#stream(response, digest, range)), range: openAt };
    };
    return openAt;
  }

  /**
   * Some storage labels a layer that is stored compressed as encoded: its bytes are taken as they come, and
   * the digest decides. Where it has decided against them, they are refused before the first byte.
   */
  async #stream(response: UpstreamResponse, digest: Digest, range: BlobRange): Promise<BlobStream> {
    const { status, url } = response;
    if (status !== 200 && status !== 206) throw await answerError(response, this.#clock.now());
    const encoding = contentEncoding(response.headers);
    try {
      if (encoding !== undefined && this.#encoded.has(digest)) {
        const message = `${url.host} answers with an encoded body (${encoding}) instead of the blob`;
        throw new UpstreamError('invalid', message, { status, permanent: true });
      }
      const stream = blobStream(response, range);
      if (encoding === undefined) return stream;
      return { ...stream, mismatched: () => void this.#encoded.set(digest, true) };
    } catch (error) {
      response.body.discard();
      throw error;
    }
  }

  /** What HEAD would say: ECR Public takes no HEAD of blobs, and URLs signed for GET take no other method. */
  async #sizeByGet(
    url: URL,
    repository: RepositoryName,
    signal: AbortSignal | undefined,
  ): Promise<number | undefined> {
    const get: UpstreamRequest = {
      method: 'GET',
      url,
      headers: { range: 'bytes=0-0' },
      pool: 'metadata',
      signal,
    };
    const response = await this.#send(this.#metadata, get, repository);
    const { status, headers, body } = response;
    if (![200, 206, 416].includes(status)) throw await answerError(response, this.#clock.now());
    body.discard();
    // A blob without a first byte is empty.
    if (status === 416) return 0;
    return status === 200
      ? contentLength(headers)
      : parseContentRange(headerText(headers, 'content-range'))?.size;
  }

  /**
   * Blobs are redirected to signed URLs that expire. When the host behind the redirect refuses, the registry
   * is asked for a fresh redirect, once. If that is refused too, 404 and 410 mean that the blob is gone;
   * anything else is trouble between the two, and says nothing about the right to the blob.
   */
  async #send(
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
}

function blobRequest(url: URL, { offset, end, share, signal }: BlobRange): UpstreamRequest {
  const isWhole = offset === 0 && end === undefined;
  const headers = isWhole ? {} : { range: `bytes=${offset}-${end === undefined ? '' : end - 1}` };
  return { method: 'GET', url, headers, pool: 'blob', share, signal };
}

/** Whether a place that gave ranges refuses in a way that a fresh redirect may mend. */
function isExpired({ status }: UpstreamResponse): boolean {
  return [400, 401, 403, 404, 410].includes(status);
}

/** Statuses of a foreign host that a fresh redirect may mend. */
function isRefusedElsewhere({ status, url }: UpstreamResponse, request: UpstreamRequest): boolean {
  if (url.origin === request.url.origin) return false;
  return status >= 500 || [400, 401, 403, 404, 410].includes(status);
}
