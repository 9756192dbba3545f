import { headerText, type UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';

/**
 * The next page that an answer's `Link` header names, or undefined at the last one. The link is taken as it is, relative
 * to whoever answered; after a redirect, its query goes to `page` again, since the authorization is good only there.
 * @param page what was asked for
 * @throws {UpstreamError} `invalid` for a page that belongs to another list: requests go there with a token
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 */
export function nextPage({ headers, url: answered }: UpstreamResponse, page: URL): URL | undefined {
  for (const [, target = '', parameters = ''] of (headerText(headers, 'link') ?? '').matchAll(
    /<([^<>]{0,4096})>([^<,]{0,256})/g,
  )) {
    if (!/;\s*rel\s*=\s*"?next"?\s*(?:;|$)/i.test(parameters)) continue;
    const linked = URL.parse(target, answered.href);
    if (linked === null || linked.origin !== answered.origin || linked.pathname !== answered.pathname) {
      throw new UpstreamError('invalid', `${answered.host} links to a page outside of its list`);
    }
    const next = new URL(page);
    next.search = linked.search;
    return next.href === page.href ? undefined : next;
  }
  return undefined;
}
