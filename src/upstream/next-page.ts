import { headerText } from './headers.ts';
import type { UpstreamResponse } from './http-message.ts';
import { parseLinks, type LinkHeader } from './link-header.ts';
import { UpstreamError } from './registry.ts';

/**
 * The next page that an answer's `Link` header names, or undefined at the last one. Only the link's query
 * counts, put to `page`: behind a proxy registries link to hosts and paths of their own, and a token must not
 * go there. A link back to a page that was asked for ends the list.
 * @param asked the pages of this list so far, `page` included
 * @throws {UpstreamError} `invalid` for a next page that cannot be asked for: the list must not look whole
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 */
export function nextPage(
  { headers, url: answered }: UpstreamResponse,
  page: URL,
  asked: ReadonlySet<string> = new Set([page.href]),
): URL | undefined {
  const header = parseLinks(headerText(headers, 'link') ?? '');
  const target = nextTarget(header);
  if (target === undefined) {
    if (!/\bnext\b/i.test(header.rest)) return undefined;
    throw new UpstreamError('invalid', `${answered.host} links to a next page in a way that cannot be read`);
  }
  const linked = URL.parse(target, answered.href);
  if (linked === null) {
    throw new UpstreamError('invalid', `${answered.host} links to a next page that is no URL`);
  }
  const next = new URL(page);
  next.search = linked.search;
  if (!asked.has(next.href)) return next;
  if (linked.origin === answered.origin && linked.pathname === answered.pathname) return undefined;
  throw new UpstreamError(
    'invalid',
    `${answered.host} links to a next page elsewhere, with no query by which it could be asked for`,
  );
}

/** A link without relation types is to the next page if it is the only one: lists link to nothing else. */
function nextTarget({ links }: LinkHeader): string | undefined {
  const next = links.find(({ relations }) => relations?.has('next'));
  if (next !== undefined) return next.target;
  const [only, ...others] = links;
  return others.length === 0 && only?.relations === undefined ? only?.target : undefined;
}
