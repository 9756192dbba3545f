import { parse } from 'tldts';
import { nameInRedirects } from '../address-guard.ts';
import { overTls } from '../over-tls.ts';
import { UpstreamError } from '../registry.ts';

/** A token service that an upstream pointed to, judged. */
export interface Realm {
  readonly url: URL;
  /** Whether credentials may go there. */
  readonly trusted: boolean;
}

/** Whether the operator has named the host of a URL as one that the upstream may send Entrepot to. */
export type IsNamed = (url: URL) => boolean;

/**
 * Judges the realm of a challenge, which is the answering server's to choose:
 * - with the upstream's host (any port) or registrable domain (`auth.docker.io` for `registry-1.docker.io`)
 *   it is trusted with credentials; IP addresses and `localhost` must be equal;
 * - so is one that the operator has named;
 * - any other is asked anonymously only, and only with a name under a public suffix: not in the upstream's
 *   own network;
 * - https is required, unless the upstream is plain http and the realm trusted. For http at an https
 *   upstream's own host or domain https is used: token services behind a TLS proxy say http. One that the
 *   operator has named may be asked over http, but without credentials.
 * @throws {UpstreamError} `invalid` for a realm that must not be asked at all
 */
export function judgeRealm(upstream: URL, realm: string, isNamed: IsNamed): Realm {
  const written = URL.parse(realm);
  if (written === null || (written.protocol !== 'https:' && written.protocol !== 'http:')) {
    throw new UpstreamError('invalid', `${upstream.host} names a realm that is not an http or https URL`);
  }
  if (written.username !== '' || written.password !== '') {
    throw new UpstreamError('invalid', `${upstream.host} names a realm with user information in it`);
  }
  const related = isRelated(upstream.hostname, written.hostname);
  const url = related ? secured(upstream, written) : written;
  const named = isNamed(url);
  const stepsDown = url.protocol === 'http:' && upstream.protocol === 'https:';
  if (url.protocol === 'http:' && !named && (stepsDown || !related)) {
    throw new UpstreamError('invalid', `${upstream.host} names a realm without TLS at ${url.host}`, {
      advice: stepsDown ? `${nameInRedirects}, for anonymous tokens` : nameInRedirects,
    });
  }
  if (!related && !named && !isPublicName(url.hostname)) {
    const message = `${upstream.host} names a realm inside the local network: ${url.host}`;
    throw new UpstreamError('invalid', message, { advice: nameInRedirects });
  }
  return { url, trusted: (related || named) && !stepsDown };
}

/**
 * Why credentials are not sent to an untrusted realm.
 * @param wish who wants that, as the beginning of a sentence that ends with the realm's host
 */
export function distrustOf({ url }: Realm, wish: string): UpstreamError {
  return url.protocol === 'http:'
    ? new UpstreamError('invalid', `${wish} ${url.host} without TLS`)
    : new UpstreamError('invalid', `${wish} ${url.host}, a host of another domain`, {
        advice: nameInRedirects,
      });
}

/** A realm of an https upstream's host or domain at the TLS port; one with a port as it is. */
function secured(upstream: URL, realm: URL): URL {
  if (realm.hostname === upstream.hostname || upstream.protocol !== 'https:') return overTls(upstream, realm);
  return overTls(new URL(`https://${realm.hostname}`), realm);
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
