import { parse } from 'tldts';
import { UpstreamError } from '../registry.ts';

/** A token service that an upstream pointed to, judged. */
export interface Realm {
  readonly url: URL;
  /** Whether credentials may go there. */
  readonly trusted: boolean;
}

/**
 * Judges the realm of a challenge. Whoever answers for an upstream could name any realm, so:
 * - a realm with the upstream's host (any port) or registrable domain (`auth.docker.io` for `registry-1.docker.io`) is
 *   trusted with credentials; IP addresses and `localhost` have no registrable domain and must be equal;
 * - any other realm may only be asked anonymously, and only if its host is a name under a public suffix: an upstream
 *   must not make Entrepot call into the network that it stands in;
 * - https is required, unless the upstream itself is plain http and the realm is trusted.
 * @throws {UpstreamError} `invalid` for a realm that must not be asked at all
 */
export function judgeRealm(upstream: URL, realm: string): Realm {
  const url = URL.parse(realm);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new UpstreamError('invalid', `${upstream.host} names a realm that is not an http or https URL`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UpstreamError('invalid', `${upstream.host} names a realm with user information in it`);
  }
  const trusted = isRelated(upstream.hostname, url.hostname);
  if (url.protocol === 'http:' && !(trusted && upstream.protocol === 'http:')) {
    throw new UpstreamError('invalid', `${upstream.host} names a realm without TLS at ${url.host}`);
  }
  if (!trusted && !isPublicName(url.hostname)) {
    throw new UpstreamError(
      'invalid',
      `${upstream.host} names a realm inside the local network: ${url.host}`,
    );
  }
  return { url, trusted };
}

/** Private suffixes count: two tenants of `github.io` are different domains. */
function suffixOf(hostname: string): ReturnType<typeof parse> {
  return parse(hostname, { allowPrivateDomains: true });
}

function isRelated(upstream: string, realm: string): boolean {
  if (upstream === realm) return true;
  const domain = suffixOf(upstream).domain;
  return domain !== null && domain === suffixOf(realm).domain;
}

function isPublicName(hostname: string): boolean {
  const { domain, isIp, isIcann, isPrivate } = suffixOf(hostname);
  return domain !== null && isIp !== true && (isIcann === true || isPrivate === true);
}
