/** Always offered, as by Go: `http.tls.ciphersuites` does not apply to TLS 1.3. */
const ofTls13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

const exchanges: Readonly<Record<string, string>> = {
  RSA: '',
  ECDHE_RSA: 'ECDHE-RSA-',
  ECDHE_ECDSA: 'ECDHE-ECDSA-',
};

const ciphers: Readonly<Record<string, string>> = {
  AES_128_CBC_SHA: 'AES128-SHA',
  AES_256_CBC_SHA: 'AES256-SHA',
  AES_128_CBC_SHA256: 'AES128-SHA256',
  AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  CHACHA20_POLY1305_SHA256: 'CHACHA20-POLY1305',
};

/** Every name that {@link openSslCipher} knows, and those of TLS 1.3. */
export const cipherSuites: readonly string[] = [
  ...ofTls13,
  ...Object.keys(exchanges).flatMap((exchange) =>
    Object.keys(ciphers)
      .map((cipher) => `TLS_${exchange}_WITH_${cipher}`)
      .filter((name) => openSslCipher(name) !== undefined),
  ),
];

/** A suite of TLS 1.2 as OpenSSL calls it, from its name in Go; undefined for others. */
export function openSslCipher(name: string): string | undefined {
  const [, exchange = '', cipher = ''] = /^TLS_(.+)_WITH_(.+)$/.exec(name) ?? [];
  const before = exchanges[exchange];
  const after = ciphers[cipher];
  if (before === undefined || after === undefined) return undefined;
  // These combinations do not exist.
  if (exchange === 'RSA' && cipher.startsWith('CHACHA20')) return undefined;
  return before + after;
}

/** What OpenSSL is to offer when these suites are asked for. */
export function cipherList(names: readonly string[]): string {
  return [...ofTls13, ...names.flatMap((name) => openSslCipher(name) ?? [])].join(':');
}

/** The suites in {@link cipherList}'s result, by their names in Go. */
export function suitesOf(list: string): readonly string[] {
  const present = new Set(list.split(':'));
  return cipherSuites.filter((name) => {
    const own = openSslCipher(name);
    return own !== undefined && present.has(own);
  });
}
