import type { Clock } from '../base/clock.ts';
import { parseDigest, isDigestOf } from '../oci/digest.ts';
import { maxManifestBytes, readDocument } from '../oci/manifest.ts';
import { manifestMediaTypes } from '../oci/media-type.ts';
import { referenceText, type ManifestReference, type RepositoryName } from '../oci/reference.ts';
import { answerError } from './answer-error.ts';
import type { AuthorizedSender } from './auth/authorized-sender.ts';
import { pullScope } from './auth/scope.ts';
import { contentEncoding, decode } from './content-encoding.ts';
import { described } from './json-answer.ts';
import { endpoint } from './endpoint.ts';
import type { HeadSupport } from './head-support.ts';
import { contentLength, headerText, mediaType } from './headers.ts';
import type { UpstreamRequest, UpstreamResponse } from './http-message.ts';
import { parseRateLimit, type RateLimit } from './rate-limit.ts';
import { UpstreamError, type FetchedManifest, type ManifestHead, type RequestOptions } from './registry.ts';
import { parseWarnings } from './warnings.ts';

interface ManifestClientDeps {
  readonly url: URL;
  /** Tried again when it fails in passing. */
  readonly sender: AuthorizedSender;
  readonly heads: HeadSupport;
  readonly clock: Clock;
  /** Milliseconds within which a manifest must be there, once its headers are. */
  readonly bodyTimeoutMs: number;
  readonly onRateLimit: ((rateLimit: RateLimit) => void) | undefined;
}

/** Asks a registry for manifests: by HEAD where that is of use. */
export class ManifestClient {
  readonly #deps: ManifestClientDeps;

  constructor(deps: ManifestClientDeps) {
    this.#deps = deps;
  }

  /** A registry that does not answer HEAD is asked by GET, and what it then gives is handed on. */
  async head(
    repository: RepositoryName,
    reference: ManifestReference,
    options: RequestOptions = {},
  ): Promise<ManifestHead> {
    return this.#deps.heads.ask<ManifestHead>(
      async () => {
        const response = await this.#answer('HEAD', repository, reference, options);
        response.body.discard();
        return manifestHead(response);
      },
      () => this.get(repository, reference, options),
      ({ digest, mediaType }) => digest !== undefined || mediaType !== 'text/html',
    );
  }

  async get(
    repository: RepositoryName,
    reference: ManifestReference,
    options: RequestOptions = {},
  ): Promise<FetchedManifest> {
    const response = await this.#answer('GET', repository, reference, options);
    const bytes = await this.#bytes(response, reference);
    // What is no JSON document is not the registry's: a login page, a proxy's error, half an answer.
    if (!isJson(bytes)) {
      const { url, status, headers } = response;
      const message = `${url.host} answers with something other than a manifest: ${described(headers, bytes)}`;
      throw new UpstreamError('invalid', message, { status });
    }
    return { ...manifestHead(response), bytes };
  }

  /** The bytes that the digest is of, where a server in between has encoded them unasked. */
  async #bytes(response: UpstreamResponse, reference: ManifestReference): Promise<Buffer> {
    const sent = await response.body.read(maxManifestBytes, this.#deps.bodyTimeoutMs);
    const encoding = contentEncoding(response.headers);
    if (encoding === undefined) return sent;
    const expected = 'digest' in reference ? reference.digest : manifestHead(response).digest;
    if (expected !== undefined && isDigestOf(expected, sent)) return sent;
    const bytes = await decode(sent, encoding, maxManifestBytes, response);
    if (expected === undefined || isDigestOf(expected, bytes)) return bytes;
    const { url, status } = response;
    const message = `${url.host} answers with an encoded body (${encoding}) that does not match the digest`;
    throw new UpstreamError('invalid', message, { status });
  }

  async #answer(
    method: 'GET' | 'HEAD',
    repository: RepositoryName,
    reference: ManifestReference,
    { signal, onWarning }: RequestOptions,
  ): Promise<UpstreamResponse> {
    const { url, sender, clock, onRateLimit } = this.#deps;
    const request: UpstreamRequest = {
      method,
      url: endpoint(url, repository, 'manifests', referenceText(reference)),
      headers: { accept: manifestMediaTypes.join(', ') },
      pool: 'metadata',
      signal,
    };
    const response = await sender.send(request, pullScope(repository));
    const rateLimit = parseRateLimit(response.headers);
    if (rateLimit !== undefined) onRateLimit?.(rateLimit);
    if (response.status !== 200) throw await answerError(response, clock.now());
    for (const text of parseWarnings(response.headers)) onWarning?.(text);
    return response;
  }
}

function manifestHead({ headers }: UpstreamResponse): ManifestHead {
  const type = mediaType(headers);
  return {
    digest: parseDigest(headerText(headers, 'docker-content-digest') ?? ''),
    mediaType: type === '' ? undefined : type,
    // The length of an encoded body is not that of the manifest.
    size: contentEncoding(headers) === undefined ? contentLength(headers) : undefined,
  };
}

function isJson(bytes: Buffer): boolean {
  try {
    readDocument(bytes);
    return true;
  } catch {
    return false;
  }
}
