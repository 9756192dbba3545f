import type { Clock } from '../clock.ts';
import { parseDigest } from '../oci/digest.ts';
import { maxManifestBytes } from '../oci/manifest.ts';
import { bareMediaType, manifestMediaTypes } from '../oci/media-type.ts';
import { referenceText, type ManifestReference, type RepositoryName } from '../oci/reference.ts';
import { answerError } from './answer-error.ts';
import type { AuthorizedSender } from './auth/authorized-sender.ts';
import { pullScope } from './auth/scope.ts';
import { requireIdentity } from './blob-answer.ts';
import { endpoint } from './endpoint.ts';
import type { HeadSupport } from './head-support.ts';
import { contentLength, headerText, type UpstreamRequest, type UpstreamResponse } from './http-message.ts';
import { parseRateLimit, type RateLimit } from './rate-limit.ts';
import type { FetchedManifest, ManifestHead, RequestOptions } from './registry.ts';

export interface ManifestClientOptions {
  readonly url: URL;
  /** Tried again when it fails in passing. */
  readonly sender: AuthorizedSender;
  readonly heads: HeadSupport;
  readonly clock: Clock;
  /** Milliseconds within which a manifest must be there, once its headers are. */
  readonly bodyTimeoutMs: number;
  readonly onRateLimit: (rateLimit: RateLimit) => void;
}

/** Asks a registry for manifests: by HEAD where that is of use. */
export class ManifestClient {
  readonly #options: ManifestClientOptions;

  constructor(options: ManifestClientOptions) {
    this.#options = options;
  }

  /** A registry that does not answer HEAD is asked by GET, and what it then gives is handed on. */
  async head(
    repository: RepositoryName,
    reference: ManifestReference,
    options: RequestOptions,
  ): Promise<ManifestHead> {
    return this.#options.heads.ask<ManifestHead>(
      async () => {
        const response = await this.#answer('HEAD', repository, reference, options);
        response.body.discard();
        return manifestHead(response);
      },
      () => this.get(repository, reference, options),
    );
  }

  async get(
    repository: RepositoryName,
    reference: ManifestReference,
    options: RequestOptions,
  ): Promise<FetchedManifest> {
    const response = await this.#answer('GET', repository, reference, options);
    try {
      requireIdentity(response);
    } catch (error) {
      response.body.discard();
      throw error;
    }
    const bytes = await response.body.read(maxManifestBytes, this.#options.bodyTimeoutMs);
    return { ...manifestHead(response), bytes };
  }

  async #answer(
    method: 'GET' | 'HEAD',
    repository: RepositoryName,
    reference: ManifestReference,
    { signal }: RequestOptions,
  ): Promise<UpstreamResponse> {
    const { url, sender, clock, onRateLimit } = this.#options;
    const request: UpstreamRequest = {
      method,
      url: endpoint(url, repository, 'manifests', referenceText(reference)),
      headers: { accept: manifestMediaTypes.join(', ') },
      lane: 'metadata',
      signal,
    };
    const response = await sender.send(request, pullScope(repository));
    const rateLimit = parseRateLimit(response.headers);
    if (rateLimit !== undefined) onRateLimit(rateLimit);
    if (response.status !== 200) throw await answerError(response, clock.now());
    return response;
  }
}

function manifestHead({ headers }: UpstreamResponse): ManifestHead {
  const mediaType = bareMediaType(headerText(headers, 'content-type') ?? '');
  return {
    digest: parseDigest(headerText(headers, 'docker-content-digest') ?? ''),
    mediaType: mediaType === '' ? undefined : mediaType,
    size: contentLength(headers),
  };
}
