import { headerText, type Sender, type UpstreamRequest, type UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';

const maxRedirects = 5;

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Follows redirects, five at most. `Authorization` stays with the origin (scheme, host and port) that it was meant for:
 * it is dropped at the first step to another one, and does not come back.
 */
export class RedirectFollower implements Sender {
  readonly #sender: Sender;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    let { url, headers } = request;
    for (let followed = 0; ; followed += 1) {
      const response = await this.#sender.send({ ...request, url, headers });
      if (!redirectStatuses.has(response.status)) return response;
      if (response.status === 303 && request.seeOther === 'return') return response;
      response.body.discard();
      if (followed === maxRedirects) {
        throw new UpstreamError('invalid', `${request.url.host} redirects more than ${maxRedirects} times`);
      }
      const target = redirectTarget(url, headerText(response.headers, 'location'));
      if (target.origin !== url.origin) headers = withoutAuthorization(headers);
      url = target;
    }
  }
}

/**
 * Where a redirect leads: `location`, relative to `from`, without user information and fragment.
 * @throws {UpstreamError} `invalid` for no URL, a scheme other than http and https, or a step from https to http
 */
export function redirectTarget(from: URL, location: string | undefined): URL {
  const target = location === undefined ? null : URL.parse(location, from.href);
  if (target === null) throw new UpstreamError('invalid', `${from.host} redirects to no URL`);
  if (target.protocol !== 'https:' && target.protocol !== 'http:') {
    throw new UpstreamError('invalid', `${from.host} redirects to something other than http or https`);
  }
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    throw new UpstreamError('invalid', `${from.host} redirects from https to http`);
  }
  target.username = '';
  target.password = '';
  target.hash = '';
  return target;
}

function withoutAuthorization(headers: UpstreamRequest['headers']): UpstreamRequest['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
}
