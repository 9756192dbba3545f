import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, isIPv4, type LookupFunction } from 'node:net';
import { parse } from 'tldts';
import { addressKind, type AddressKind } from './address-kind.ts';
import { hostOf, portOf, unbracketed } from './host.ts';
import { UpstreamError } from './registry.ts';

interface AddressGuardDeps {
  /** Where the upstream is configured to be. */
  readonly urls: readonly URL[];
  /** Hosts, perhaps with a port, that it may send requests to although they are in a private network. */
  readonly redirects: readonly string[];
  /** How names become addresses; the system's way if not given. */
  readonly lookup?: LookupFunction | undefined;
}

/** What an upstream of each kind may send requests to. */
const reach: Readonly<Record<AddressKind, ReadonlySet<AddressKind>>> = {
  public: new Set(['public']),
  private: new Set(['public', 'private']),
  loopback: new Set(['public', 'private', 'loopback']),
  forbidden: new Set(['public']),
};

/** What a host is to an upstream: named in its URLs, named in its `redirects`, or not named at all. */
export type HostTrust = 'upstream' | 'redirect' | 'unknown';

/**
 * Keeps an upstream from sending Entrepot, by redirects, realms or links, into networks that it could not
 * reach itself. Its own hosts are asked wherever they are. Others must be public, or private if the upstream
 * is, or on this machine if it is; those in `redirects` may be private in any case. Link-local addresses and
 * metadata services are never asked.
 * Addresses are checked when a connection is made, against DNS rebinding. Behind an HTTP proxy, which
 * resolves names itself, only addresses in URLs can be checked.
 */
export class AddressGuard {
  readonly #redirects: readonly string[];
  readonly #lookup: LookupFunction;
  /** The nearest kind of address that the upstream's own hosts have. */
  readonly #nearness: Map<string, AddressKind>;

  constructor({ urls, redirects, lookup = systemLookup }: AddressGuardDeps) {
    this.#redirects = redirects;
    this.#lookup = lookup;
    this.#nearness = new Map(urls.map((url) => hostOf(url)).map((host) => [host, expectedKind(host)]));
  }

  trust(url: URL): HostTrust {
    if (this.#nearness.has(hostOf(url))) return 'upstream';
    return this.isNamed(url) ? 'redirect' : 'unknown';
  }

  /** Whether the operator has named the host of `url` in `redirects`. */
  isNamed(url: URL): boolean {
    const host = hostOf(url);
    const names = new Set([host, `${host}:${portOf(url)}`]);
    return this.#redirects.some((redirect) => names.has(unbracketed(redirect)));
  }

  /** @throws {UpstreamError} `invalid` for an address, or a name of this machine, that must not be asked */
  check(url: URL): void {
    const host = hostOf(url);
    const kind = writtenKind(host);
    if (kind !== undefined && !this.#admits(this.trust(url), kind)) throw refusal(host, kind);
  }

  /** A lookup for connections to hosts with that trust, which finds only addresses that may be asked. */
  lookup(trust: HostTrust): LookupFunction {
    return (hostname, options, callback) => {
      this.#lookup(hostname, { ...options, all: true }, (error, found, family) => {
        if (error !== null) {
          callback(error, []);
          return;
        }
        const addresses: readonly LookupAddress[] =
          typeof found === 'string' ? [{ address: found, family: family ?? isIP(found) }] : found;
        const good = addresses.filter(({ address }) => this.#admits(trust, addressKind(address)));
        const [first] = good;
        if (first === undefined) {
          callback(refusal(hostname, addressKind(addresses[0]?.address ?? '')), []);
        } else if (options.all === true) callback(null, good);
        else callback(null, first.address, first.family);
      });
    };
  }

  /** The upstream was found at `address` with a certificate for its name. DNS alone proves nothing. */
  proved(url: URL, address: string): void {
    const host = hostOf(url);
    if (this.#nearness.has(host)) this.#nearness.set(host, addressKind(address));
  }

  #admits(trust: HostTrust, kind: AddressKind): boolean {
    if (trust === 'upstream') return true;
    if (trust === 'redirect' && kind !== 'forbidden') return true;
    return [...this.#nearness.values()].some((near) => reach[near].has(kind));
  }
}

/** Of an address, or of a name for this very machine; undefined for any other name. */
function writtenKind(host: string): AddressKind | undefined {
  // In a URL only an IPv6 address has a colon. To ask Node costs it 5 ms once, for its regular expression.
  if (host.includes(':') || isIPv4(host)) return addressKind(host);
  return host === 'localhost' || host.endsWith('.localhost') ? 'loopback' : undefined;
}

/** A name outside of the public suffixes (`registry`, `registry.corp`) is one of a private network. */
function expectedKind(host: string): AddressKind {
  const { isIcann, isPrivate } = parse(host, { allowPrivateDomains: true });
  return writtenKind(host) ?? (isIcann === true || isPrivate === true ? 'public' : 'private');
}

const description: Readonly<Record<AddressKind, string>> = {
  public: 'at a public address',
  private: 'in a private network',
  loopback: 'at a loopback address',
  forbidden: 'at an address that no registry has',
};

/** What the operator can do about a host that is refused, but may be the right one. */
export const nameInRedirects = 'if that is right, name it in the `redirects` of this upstream';

function refusal(host: string, kind: AddressKind): UpstreamError {
  const advice = kind === 'private' || kind === 'loopback' ? nameInRedirects : undefined;
  return new UpstreamError('invalid', `${host} is not asked: it is ${description[kind]}`, { advice });
}

/** Whether certificates of hosts with that trust go unchecked. */
export function isUnchecked(trust: HostTrust, insecure: boolean): boolean {
  return insecure && trust !== 'unknown';
}
