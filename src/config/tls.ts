import type { TlsFiles } from '../http/tls.ts';
import { assertReadable } from './files.ts';
import type { FileValues } from './schema.ts';
import type { LoadContext } from './load-context.ts';
import type { Path } from './tree.ts';

/** The server's TLS settings, with absolute names of readable files; undefined for plain HTTP. */
export function readTls(given: FileValues['http']['tls'], context: LoadContext): TlsFiles | undefined {
  if (given === undefined) return undefined;
  const file = (path: Path, name: string): string => {
    context.file(path, name, assertReadable);
    return context.absolute(name);
  };
  const section = ['http', 'tls'];
  const { certificate, key, clientcas, minimumtls, ciphersuites: ciphers } = given;
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
    minimumtls,
    ciphers,
  };
}
