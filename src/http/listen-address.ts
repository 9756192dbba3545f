/** Where to listen. */
export interface ListenAddress {
  /** A name or an address without brackets; undefined for every interface, IPv6 and IPv4. */
  readonly host: string | undefined;
  /** 0 lets the system choose. */
  readonly port: number;
}

const pattern = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/]*)):(\d{1,5})$/;

/** Reads registry:2's `http.addr`: `:5000`, `127.0.0.1:5000`, `[::1]:5000`, `localhost:5000`. Undefined for anything else. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, ipv6, host, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  return { host: ipv6 ?? (host === '' ? undefined : host), port };
}
