const defaultPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** The host of a URL without brackets, as Node writes IPv6, and without the dot at the end of a complete name. */
export function hostOf({ hostname }: URL): string {
  return unbracketed(hostname).replace(/\.$/, '');
}

export function portOf({ port, protocol }: URL): string | undefined {
  return port === '' ? defaultPorts[protocol] : port;
}

/** A host, perhaps with a port, without the brackets of an IPv6 address. */
export function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]/, '$1');
}
