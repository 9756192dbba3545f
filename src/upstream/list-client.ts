import type { Clock } from '../base/clock.ts';
import type { Digest } from '../oci/digest.ts';
import type { ReferrerDescriptor } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-type.ts';
import type { RepositoryName, Tag } from '../oci/reference.ts';
import { answerError } from './answer-error.ts';
import type { AuthorizedSender } from './auth/authorized-sender.ts';
import { pullScope } from './auth/scope.ts';
import { readDecoded } from './content-encoding.ts';
import { endpoint } from './endpoint.ts';
import type { ResponseHeaders } from './headers.ts';
import type { UpstreamRequest } from './http-message.ts';
import { nextPage } from './next-page.ts';
import { ReferrerPages } from './referrer-pages.ts';
import type { RequestOptions, TagListOptions } from './registry.ts';
import { TagPages } from './tag-pages.ts';
import { parseWarnings } from './warnings.ts';

const maxPageBytes = 8 * 1024 * 1024;
const tagsPerPage = 1000;

/** Answers of a registry without referrers API; GHCR redirects to a web page. */
const withoutReferrers: readonly number[] = [303, 404, 405];

interface ListClientDeps {
  readonly url: URL;
  /** Tried again when it fails in passing. */
  readonly sender: AuthorizedSender;
  readonly clock: Clock;
  /** Milliseconds within which a page must be there, once its headers are. */
  readonly bodyTimeoutMs: number;
}

/** What the pages of a list add up to. */
interface Pages {
  /** Whether as much has come as is taken. */
  readonly full: boolean;
  /** Takes a page; false for what is no such list at all. */
  add(bytes: Buffer, host: string, headers: ResponseHeaders): boolean;
}

interface PagesRequest extends Pick<RequestOptions, 'onWarning'> {
  readonly repository: RepositoryName;
  readonly first: UpstreamRequest;
  /** The first page will do. */
  readonly onePage: boolean;
  /** Statuses of the first page that mean that there is no such list. */
  readonly missing: readonly number[];
}

/** Asks a registry for lists, page by page. */
export class ListClient {
  readonly #deps: ListClientDeps;

  constructor(deps: ListClientDeps) {
    this.#deps = deps;
  }

  async tags(
    repository: RepositoryName,
    { signal, atMost, onWarning }: TagListOptions = {},
  ): Promise<readonly Tag[]> {
    const url = endpoint(this.#deps.url, repository, 'tags', 'list');
    url.searchParams.set('n', String(atMost ?? tagsPerPage));
    const headers = { accept: 'application/json' };
    const first: UpstreamRequest = { method: 'GET', url, headers, pool: 'metadata', signal };
    const pages = new TagPages();
    const onePage = atMost !== undefined;
    const rest = await this.#collect(pages, { repository, first, onePage, missing: [], onWarning });
    if (rest === 'more') onWarning?.(`only the first ${pages.tags.length} tags are listed`);
    return pages.tags;
  }

  async referrers(
    repository: RepositoryName,
    digest: Digest,
    { signal, onWarning }: RequestOptions = {},
  ): Promise<readonly ReferrerDescriptor[] | undefined> {
    const url = endpoint(this.#deps.url, repository, 'referrers', digest);
    const headers = { accept: mediaTypes.ociIndex };
    const first: UpstreamRequest = {
      method: 'GET',
      url,
      headers,
      pool: 'metadata',
      seeOther: 'return',
      signal,
    };
    const pages = new ReferrerPages();
    const rest = await this.#collect(pages, {
      repository,
      first,
      onePage: false,
      missing: withoutReferrers,
      onWarning,
    });
    if (rest === 'no list') return undefined;
    if (rest === 'more') onWarning?.(`only the first ${pages.descriptors.length} referrers are listed`);
    return pages.descriptors;
  }

  /** Asks for the pages that follow `first` until there are no more, or `pages` is full. */
  async #collect(
    pages: Pages,
    { repository, first, onePage, missing, onWarning }: PagesRequest,
  ): Promise<'whole' | 'more' | 'no list'> {
    const { sender, clock, bodyTimeoutMs } = this.#deps;
    const asked = new Set<string>();
    for (let url: URL | undefined = first.url; url !== undefined;) {
      asked.add(url.href);
      const response = await sender.send({ ...first, url }, pullScope(repository));
      if (url === first.url && missing.includes(response.status)) {
        response.body.discard();
        return 'no list';
      }
      if (response.status !== 200) throw await answerError(response, clock.now());
      for (const text of parseWarnings(response.headers)) onWarning?.(text);
      const bytes = await readDecoded(response, maxPageBytes, bodyTimeoutMs);
      if (!pages.add(bytes, response.url.host, response.headers)) return 'no list';
      if (onePage) return 'whole';
      url = nextPage(response, url, asked);
      if (url !== undefined && pages.full) return 'more';
    }
    return 'whole';
  }
}
