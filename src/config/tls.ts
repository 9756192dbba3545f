import { cipherList } from './ciphers.ts';
import type { TlsConfig } from './config.ts';
import { assertReadable } from './files.ts';
import type { FileValues } from './schema.ts';
import type { LoadContext } from './load-context.ts';
import type { Path } from './tree.ts';

/** The server's TLS settings with absolute file names, each known to be readable; undefined for plain HTTP. */
export function readTls(given: FileValues['http']['tls'], context: LoadContext): TlsConfig | undefined {
  if (given === undefined) return undefined;
  const file = (path: Path, name: string): string => {
    context.file(path, name, assertReadable);
    return context.absolute(name);
  };
  const section = ['http', 'tls'];
  const { certificate, key, clientcas, minimumtls, ciphersuites = [] } = given;
  if (certificate === undefined || key === undefined) {
    context.problems.add(
      section,
      `needs ${certificate === undefined ? 'certificate' : 'key'}, the name of a PEM file`,
    );
    return undefined;
  }
  return {
    certificate: file([...section, 'certificate'], certificate),
    key: file([...section, 'key'], key),
    clientcas: clientcas.map((name, index) => file([...section, 'clientcas', index], name)),
    // Older versions are broken, and no client of registries needs them: asking for them gives TLS 1.2.
    minimumtls: minimumtls === 'tls1.3' ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: ciphersuites.length === 0 ? undefined : cipherList(ciphersuites),
  };
}
