import { headerText } from '../headers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from '../http-message.ts';
import { followRedirects, locationOf } from '../redirect.ts';
import { UpstreamError } from '../registry.ts';
import { distrustOf, type Realm } from './realm.ts';

interface TokenServiceOptions {
  /** Judges each redirect of the token service, as the realm of a challenge. */
  readonly judge: (location: string) => Realm;
  /** Whether the request shows an account: then it only goes where one may be shown. */
  readonly withAccount: boolean;
}

/** Statuses that keep the method. After any other, a POST becomes a GET without a body. */
const keepsMethod: ReadonlySet<number> = new Set([307, 308]);

/**
 * Sends a request to a token service and follows its redirects.
 * @throws {UpstreamError} `invalid` for a redirect that must not be followed, or that would drop a POST's
 *   body
 */
export async function sendToTokenService(
  sender: Sender,
  request: UpstreamRequest,
  { judge, withAccount }: TokenServiceOptions,
): Promise<UpstreamResponse> {
  return followRedirects(sender, request, ({ status, headers }, { url }) => {
    if (request.method === 'POST' && !keepsMethod.has(status)) {
      const message = `${url.host} answers a POST with ${status}, which asks for a GET`;
      throw new UpstreamError('invalid', message, { status });
    }
    const realm = judge(locationOf(url, headerText(headers, 'location')).href);
    if (withAccount && !realm.trusted) {
      throw distrustOf(realm, `${url.host} asks for the credentials to be sent on to`);
    }
    return { ...request, url: realm.url };
  });
}
