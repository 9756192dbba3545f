import { nameInRedirects } from './address-guard.ts';
import { isByDigest } from './endpoint.ts';
import { headerText } from './headers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from './http-message.ts';
import { overTls } from './over-tls.ts';
import { UpstreamError } from './registry.ts';

const maxRedirects = 10;

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Sends a request and follows its redirects, as many as Go's clients at most.
 * @param next the request that a redirect asks for; throws UpstreamError for one that must not be followed
 */
export async function followRedirects(
  sender: Sender,
  request: UpstreamRequest,
  next: (redirect: UpstreamResponse, from: UpstreamRequest) => UpstreamRequest,
): Promise<UpstreamResponse> {
  let current = request;
  for (let followed = 0; ; followed += 1) {
    const response = await sender.send(current);
    if (!redirectStatuses.has(response.status)) return response;
    if (response.status === 303 && request.seeOther === 'return') return response;
    response.body.discard();
    if (followed === maxRedirects) {
      throw new UpstreamError('invalid', `${current.url.host} redirects more than ${maxRedirects} times`);
    }
    current = next(response, current);
  }
}

/**
 * Follows redirects of a registry. `Authorization` is dropped at the first step to another origin.
 * @param isNamed whether the operator has named a host as one that this upstream redirects to
 */
export function redirectFollower(sender: Sender, isNamed: (url: URL) => boolean): Sender {
  return {
    send: (request) =>
      followRedirects(sender, request, (redirect, from) => {
        const location = headerText(redirect.headers, 'location');
        const url = redirectTarget(from.url, location, (to) => adviceAgainstPlain(request.url, isNamed(to)));
        return url.origin === from.url.origin ? { ...from, url } : { ...withoutAuthorization(from), url };
      }),
  };
}

/** Without TLS only the digest shows that the right bytes come. `Authorization` is never sent there. */
function adviceAgainstPlain(asked: URL, isNamed: boolean): string | undefined {
  if (!isByDigest(asked)) return 'have it redirect to https: no digest would show what is changed on the way';
  return isNamed ? undefined : nameInRedirects;
}

/**
 * The URL that `Location` names, relative to `from`, without fragment.
 * @throws {UpstreamError} `invalid` for none
 */
export function locationOf(from: URL, location: string | undefined): URL {
  const url = location === undefined ? null : URL.parse(location, from.href);
  if (url === null) throw new UpstreamError('invalid', `${from.host} redirects to no URL`);
  url.hash = '';
  return url;
}

/**
 * Where a redirect leads, without user information and fragment; over https where it says http at an https
 * host.
 * @param adviceAgainstPlain what to do where a step from https to this http URL is refused; undefined when it
 *   is not
 * @throws {UpstreamError} `invalid` for no URL, another scheme than http and https, or a refused step to http
 */
export function redirectTarget(
  from: URL,
  location: string | undefined,
  adviceAgainstPlain: (target: URL) => string | undefined,
): URL {
  const target = overTls(from, locationOf(from, location));
  if (target.protocol !== 'https:' && target.protocol !== 'http:') {
    throw new UpstreamError('invalid', `${from.host} redirects to something other than http or https`);
  }
  const advice =
    from.protocol === 'https:' && target.protocol === 'http:' ? adviceAgainstPlain(target) : undefined;
  if (advice !== undefined) {
    const message = `${from.host} redirects from https to plain http at ${target.host}`;
    throw new UpstreamError('invalid', message, { advice });
  }
  target.username = '';
  target.password = '';
  return target;
}

export function withoutAuthorization(request: UpstreamRequest): UpstreamRequest {
  const { authorization: _, ...headers } = request.headers;
  return { ...request, headers };
}
