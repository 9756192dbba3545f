import type { Config, UpstreamConfig } from '../../config/config.ts';
import type { ListenAddress } from '../../http/server.ts';
import { dockerHub, registryName } from '../../oci/docker-hub.ts';
import { addressKind } from '../../upstream/address-kind.ts';
import { clientOrigin } from '../client-origin.ts';
import { SetupUsageError } from '../setup-error.ts';

/** Scheme, host and port at which clients reach the mirror. */
export class Origin {
  readonly secure: boolean;
  /** `host:port`, without the port where it goes without saying: as the mirror stands in names of images. */
  readonly authority: string;
  /** With scheme and {@link authority}. */
  readonly url: string;
  /** As in a URL, with the brackets of IPv6. */
  readonly #hostname: string;
  readonly #port: string;

  private constructor({ protocol, hostname, port }: URL) {
    this.secure = protocol === 'https:';
    this.#hostname = hostname;
    this.#port = port === '' ? (this.secure ? '443' : '80') : port;
    // Without a dot or a port, the first part of an image's name would not be taken for a host.
    this.authority = port === '' && hostname.includes('.') ? hostname : `${hostname}:${this.#port}`;
    this.url = `${protocol}//${this.authority}`;
  }

  /** @throws SetupUsageError when it is more, or less, than scheme, host and port */
  static parse(text: string, option = '--mirror'): Origin {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    // A URL's host may have quotes and dollars, which would mean something in the files of clients.
    const usable = /^https?:\/\//iu.test(text) && /^(?:[\w.-]+|\[[\da-f:.]+\])$/u.test(url?.hostname ?? '');
    if (url === undefined || !usable) {
      // Not repeated: there may be a password in it.
      throw new SetupUsageError(`${option} wants a URL such as http://mirror.lan:5000`);
    }
    if (url.username !== '' || url.password !== '') {
      throw new SetupUsageError(
        `${option}: no login belongs in this URL; see docs/clients.md for how each client logs in`,
      );
    }
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
      throw new SetupUsageError(
        `${option} wants scheme, host and port alone, which is what every client understands`,
      );
    }
    return new Origin(url);
  }

  /** Whether it is for clients on the mirror's own machine alone. */
  get isLoopback(): boolean {
    const host = this.#hostname.replace(/^\[|\]$/g, '');
    return host === 'localhost' || addressKind(host) === 'loopback';
  }

  with({ hostname = this.#hostname, port = this.#port }: { hostname?: string; port?: string }): Origin {
    return new Origin(new URL(`${this.secure ? 'https' : 'http'}://${hostname}:${port}`));
  }
}

export interface MirroredUpstream {
  /** As the names of its images begin. */
  readonly name: string;
  /** Where clients ask when the mirror fails. */
  readonly server: string;
  /** Where names without a prefix mean this upstream; undefined when there is no such place. */
  readonly own: Origin | undefined;
  /** The same beside {@link MirrorAddress.publicOrigin}. */
  readonly publicOwn?: Origin | undefined;
}

/** What clients have to know about a mirror. */
export interface MirrorAddress {
  /** Where clients log in, if they do. */
  readonly origin: Origin;
  /**
   * An additional address without logins, which serves public content only; undefined if there is none.
   */
  readonly publicOrigin: Origin | undefined;
  readonly upstreams: readonly MirroredUpstream[];
  /** PEM text of the authority that signed its certificate, when clients do not know it already. */
  readonly ca: string | undefined;
  /** Whether some or all content is for those who log in. */
  readonly login: 'none' | 'optional' | 'required';
  readonly clientCertificates: boolean;
}

export interface AddressOptions {
  /** Undefined: derived from the configuration and this machine. */
  readonly mirror: string | undefined;
  /** Where clients reach `http.public.addr`. Undefined: its host, or else the mirror's, and its port. */
  readonly public?: string | undefined;
  /** Empty for all. */
  readonly upstreams: readonly string[];
  readonly ca: string | undefined;
}

/** @throws SetupUsageError */
export function mirrorAddress(config: Config, options: AddressOptions): MirrorAddress {
  const { http, auth, access } = config;
  const origin = options.mirror === undefined ? derived(config) : Origin.parse(options.mirror);
  if (options.ca !== undefined && !origin.secure) {
    throw new SetupUsageError(`--ca is for a mirror with TLS, and ${origin.url} is plain HTTP`);
  }
  const publicOrigin = publicOriginOf(config, origin, options.public);
  const hasLogin = auth.htpasswd !== undefined || auth.token !== undefined;
  return {
    origin,
    publicOrigin,
    upstreams: chosen(config, options.upstreams).map((upstream) => ({
      name: upstream.name,
      server: serverOf(upstream),
      own: ownOrigin(upstream, config, origin),
      // Its listen address asks for logins, too.
      publicOwn: publicOrigin && ownOrigin({ ...upstream, listen: undefined }, config, publicOrigin),
    })),
    ca: options.ca,
    login: hasLogin ? (access.anonymous === 'deny' ? 'required' : 'optional') : 'none',
    clientCertificates: (http.tls?.clientcas.length ?? 0) > 0,
  };
}

function derived({ http: { addr, tls } }: Config): Origin {
  if (addr.port === 0) throw new SetupUsageError('http.addr leaves the port to the system: say --mirror URL');
  const scheme = tls === undefined ? 'http' : 'https';
  return Origin.parse(clientOrigin(`${scheme}://${hostOf(addr) ?? '0.0.0.0'}:${addr.port}`));
}

function publicOriginOf(
  { http: { publicAddr } }: Config,
  origin: Origin,
  given: string | undefined,
): Origin | undefined {
  if (publicAddr === undefined) {
    if (given === undefined) return undefined;
    throw new SetupUsageError('--public is for a mirror with http.public.addr, which this one has not');
  }
  if (given !== undefined) return Origin.parse(given, '--public');
  if (publicAddr.port === 0) {
    throw new SetupUsageError('http.public.addr leaves the port to the system: say --public URL');
  }
  const open = at(publicAddr, origin);
  // Something in between takes what other machines ask for there, at an address that only the operator knows.
  if (open.isLoopback && !origin.isLoopback) {
    throw new SetupUsageError(
      `http.public.addr is for this machine alone, and the mirror is at ${origin.url}: say --public URL`,
    );
  }
  return open;
}

/** Another listen address of the mirror at that origin. */
function at(addr: ListenAddress, origin: Origin): Origin {
  const hostname = hostOf(addr);
  return origin.with({ port: String(addr.port), ...(hostname === undefined ? undefined : { hostname }) });
}

/** As in a URL; undefined for all interfaces. */
function hostOf({ host }: ListenAddress): string | undefined {
  if (host === undefined || host === '0.0.0.0' || host === '::') return undefined;
  return host.includes(':') ? `[${host}]` : host;
}

function chosen({ upstreams }: Config, given: readonly string[]): readonly UpstreamConfig[] {
  if (given.length === 0) return upstreams;
  const wanted = new Set(given.map(registryName));
  const known = new Set<string>(upstreams.map(({ name }) => name));
  const unknown = given.find((name) => !known.has(registryName(name)));
  if (unknown !== undefined) {
    throw new SetupUsageError(`--upstream ${unknown}: not mirrored; there is ${[...known].join(', ')}`);
  }
  return upstreams.filter(({ name }) => wanted.has(name));
}

function serverOf({ name, urls }: UpstreamConfig): string {
  if (name === dockerHub) return 'https://registry-1.docker.io';
  // Entrepot may fetch from elsewhere, but clients without it go by the name.
  return urls.find(({ host }) => host === name)?.origin ?? `https://${name}`;
}

function ownOrigin(
  { name, hosts, listen }: UpstreamConfig,
  { plain }: Config,
  origin: Origin,
): Origin | undefined {
  if (name === plain) return origin;
  if (listen !== undefined && listen.port !== 0) return at(listen, origin);
  const [hostname] = hosts;
  return hostname === undefined ? undefined : origin.with({ hostname });
}
