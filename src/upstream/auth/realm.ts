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
 * Judges the realm of a challenge. Whoever answers for an upstream could name any realm, so:
 * - a realm with the upstream's host (any port) or registrable domain (`auth.docker.io` for `registry-1.docker.io`) is
 *   trusted with credentials; IP addresses and `localhost` have no registrable domain and must be equal;
 * - so is one that the operator has named;
 * - any other realm may only be asked anonymously, and only if its host is a name under a public suffix: an upstream
 *   must not make Entrepot call into the network that it stands in;
 * - https is required, unless the upstream itself is plain http and the realm is trusted. A realm of an https upstream's
 *   own host or domain that says http is asked over https: behind a proxy that ends TLS, token services know no better.
 *   One that the operator has named may be asked over http, but not with credentials.
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
 * Why an account is not sent to a realm that is not trusted.
 * @param wish who wants that, as the beginning of a sentence that ends with the realm's host
 */
export function distrustOf({ url }: Realm, wish: string): UpstreamError {
  return url.protocol === 'http:'
    ? new UpstreamError('invalid', `${wish} ${url.host} without TLS`)
    : new UpstreamError('invalid', `${wish} ${url.host}, a host of another domain`, {
        advice: nameInRedirects,
      });
}

/**
 * A realm of an https upstream's host or domain at the port where TLS is to be expected; one with a port of
 * its own as it is.
 */
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
