import { contentAnswer, errorAnswer, jsonAnswer, redirectAnswer, type Answer } from './fake-answer.ts';
import type { FakeContent, StoredManifest, StoredRepository } from './fake-content.ts';
import type { FakeRequest } from './fake-listener.ts';
import type { FakeGate } from './fake-gate.ts';
import type { FaultTarget } from './faults.ts';
import type { RateLimit } from './rate-limit.ts';

const version = { 'docker-distribution-api-version': 'registry/2.0' };

export interface FakeRegistryOptions {
  readonly content: FakeContent;
  readonly gate: FakeGate;
  readonly rateLimit: RateLimit;
  /** Makes the URL to which a blob GET is sent; undefined when the registry serves blobs itself. */
  readonly blobUrl: ((digest: string) => string) | undefined;
  /** Whether it lists referrers; else that endpoint is 404. */
  readonly listsReferrers: boolean;
}

interface Endpoint {
  readonly target: FaultTarget;
  readonly name: string;
  readonly reference: string;
}

/** Docker Hub's registry, as far as pulls go. */
export class FakeRegistry {
  readonly #options: FakeRegistryOptions;

  constructor(options: FakeRegistryOptions) {
    this.#options = options;
  }

  endpoint(path: string): Endpoint | undefined {
    if (path === '/v2/' || path === '/v2') return { target: 'ping', name: '', reference: '' };
    const [, name = '', kind = '', rest = ''] =
      /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/([^/]+)$/.exec(path) ?? [];
    const reference = rest.replaceAll('%3A', ':').replaceAll('%3a', ':');
    if (kind === 'manifests') return { target: 'manifest', name, reference };
    if (kind === 'blobs') return { target: 'blob', name, reference };
    if (kind === 'referrers' && this.#options.listsReferrers) return { target: 'referrers', name, reference };
    if (kind === 'tags' && rest === 'list') return { target: 'tags', name, reference: '' };
    return undefined;
  }

  answer(request: FakeRequest): Answer {
    if (request.path === '/v1/search') return this.#search(request.query.get('q') ?? '');
    const endpoint = this.endpoint(request.path);
    if (endpoint === undefined) return errorAnswer(404, 'UNKNOWN', '404 page not found');
    const refusal = this.#options.gate.refusal(request, endpoint.name);
    if (refusal !== undefined) return refusal;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return errorAnswer(405, 'UNSUPPORTED', 'The operation is unsupported.');
    }
    if (endpoint.target === 'ping') return jsonAnswer(200, {});
    const repository = this.#options.content.repository(endpoint.name);
    if (repository === undefined) {
      return errorAnswer(404, 'NAME_UNKNOWN', 'repository name not known to registry');
    }
    if (endpoint.target === 'referrers') return referrers(repository, endpoint.reference);
    if (endpoint.target === 'tags') return this.#tags(request, repository, endpoint.name);
    return endpoint.target === 'manifest'
      ? this.#manifest(request, repository, endpoint.reference)
      : this.#blob(request, repository, endpoint.reference);
  }

  #search(term: string): Answer {
    const results = this.#options.content.search(term).map((name) => ({
      name,
      description: '',
      star_count: 0,
      is_official: name.startsWith('library/'),
      is_automated: false,
    }));
    return jsonAnswer(200, { query: term, num_results: results.length, results });
  }

  #manifest(request: FakeRequest, repository: StoredRepository, reference: string): Answer {
    const { rateLimit } = this.#options;
    const digest = reference.includes(':') ? reference : repository.tags.get(reference);
    const manifest = digest === undefined ? undefined : repository.manifests.get(digest);
    if (digest === undefined || manifest === undefined) {
      return errorAnswer(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    }
    if (!isAskedFor(manifest, request.headers.accept)) {
      return errorAnswer(
        404,
        'MANIFEST_UNKNOWN',
        `OCI content found, but accept header does not support ${manifest.mediaType}`,
      );
    }
    if (request.method === 'GET' && !rateLimit.pull()) {
      return errorAnswer(
        429,
        'TOOMANYREQUESTS',
        'You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
        rateLimit.headers(),
      );
    }
    return contentAnswer({
      bytes: manifest.bytes,
      digest,
      range: undefined,
      ifNoneMatch: request.headers['if-none-match'],
      headers: {
        'content-type': manifest.mediaType,
        'docker-content-digest': digest,
        ...version,
        ...rateLimit.headers(),
      },
    });
  }

  #blob(request: FakeRequest, repository: StoredRepository, digest: string): Answer {
    const { content, blobUrl } = this.#options;
    const bytes = repository.blobs.has(digest) ? content.blob(digest) : undefined;
    if (bytes === undefined) return errorAnswer(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    if (blobUrl !== undefined) return redirectAnswer(blobUrl(digest));
    return contentAnswer({
      bytes,
      digest,
      range: request.headers.range,
      ifNoneMatch: request.headers['if-none-match'],
      headers: {
        'accept-ranges': 'bytes',
        'content-type': 'application/octet-stream',
        'docker-content-digest': digest,
        ...version,
      },
    });
  }

  #tags(request: FakeRequest, repository: StoredRepository, name: string): Answer {
    const last = request.query.get('last') ?? '';
    const n = Number(request.query.get('n') ?? Infinity);
    if (!(n >= 0))
      return errorAnswer(400, 'PAGINATION_NUMBER_INVALID', 'invalid number of results requested');
    const rest = [...repository.tags.keys()].toSorted().filter((tag) => tag > last);
    const tags = rest.slice(0, n);
    const end = tags.at(-1);
    const more = end !== undefined && rest.length > tags.length;
    return jsonAnswer(
      200,
      { name, tags },
      more
        ? { link: `</v2/${name}/tags/list?n=${n}&last=${encodeURIComponent(end)}>; rel="next"` }
        : undefined,
    );
  }
}

/** What the repository's manifests say of their subjects, as the distribution spec lists it. */
function referrers(repository: StoredRepository, subject: string): Answer {
  const manifests = [...repository.manifests].flatMap(([digest, { bytes, mediaType }]) => {
    const {
      subject: own,
      artifactType,
      config,
      annotations,
    } = JSON.parse(Buffer.from(bytes).toString()) as ReferringManifest;
    if (own?.digest !== subject) return [];
    const type = artifactType ?? config?.mediaType;
    return [{ mediaType, digest, size: bytes.length, artifactType: type, annotations }];
  });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  return jsonAnswer(200, { schemaVersion: 2, mediaType, manifests }, { 'content-type': mediaType });
}

interface ReferringManifest {
  readonly subject?: { readonly digest: string };
  readonly artifactType?: string;
  readonly config?: { readonly mediaType: string };
  readonly annotations?: unknown;
}

/** Docker's own types go to anyone; OCI's only to who names them. */
function isAskedFor({ mediaType }: StoredManifest, accept: string | undefined): boolean {
  if (!mediaType.startsWith('application/vnd.oci.')) return true;
  return (accept ?? '').split(',').some((part) => part.split(';', 1)[0]?.trim() === mediaType);
}
