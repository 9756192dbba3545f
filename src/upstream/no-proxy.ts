import ipaddr from 'ipaddr.js';
import { hostOf, portOf, unbracketed } from './host.ts';

interface Entry {
  readonly host: string;
  /** As in a URL; empty for any. */
  readonly port: string;
  /** `*.example.com`: not for `example.com` itself. */
  readonly below: boolean;
  readonly network: ReturnType<typeof ipaddr.parseCIDR> | undefined;
}

/** What the proxies of the environment are never used for, whatever `NO_PROXY` says. */
const loopback = 'localhost,127.0.0.0/8,::1';

/**
 * The hosts that are asked without a proxy, as curl and Go read `NO_PROXY`: names and all below them,
 * addresses, networks (`10.0.0.0/8`), each perhaps with a port, and `*` for all.
 * @see https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
 */
export class NoProxy {
  readonly #entries: readonly Entry[];

  /**
   * @param text as in `NO_PROXY`
   * @param forLoopback whether the proxy is used for loopback addresses; Go never uses the environment's for
   *   them
   */
  constructor(text: string, { forLoopback }: { readonly forLoopback: boolean }) {
    this.#entries = (forLoopback ? text : `${text},${loopback}`)
      .split(/[\s,]+/)
      .filter((entry) => entry !== '')
      .map(readEntry);
  }

  /** Whether `url` is asked directly. */
  includes(url: URL): boolean {
    const host = hostOf(url);
    const port = portOf(url);
    return this.#entries.some((entry) => {
      if (entry.port !== '' && entry.port !== port) return false;
      if (entry.network !== undefined) return isWithin(host, entry.network);
      return entry.host === '*' || (!entry.below && host === entry.host) || host.endsWith(`.${entry.host}`);
    });
  }
}

function readEntry(text: string): Entry {
  if (ipaddr.isValidCIDR(text)) {
    return { host: '', port: '', below: false, network: ipaddr.parseCIDR(text) };
  }
  // What has more colons than the one before a port is a bare IPv6 address.
  const [, host = text, port = ''] = /^(\[.+\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  return {
    host: unbracketed(host.toLowerCase().replace(/^\*?\./, '')).replace(/\.$/, ''),
    port,
    below: text.startsWith('*.'),
    network: undefined,
  };
}

function isWithin(host: string, [network, bits]: ReturnType<typeof ipaddr.parseCIDR>): boolean {
  if (!ipaddr.isValid(host)) return false;
  const address = ipaddr.process(host);
  return address.kind() === network.kind() && address.match(network, bits);
}
