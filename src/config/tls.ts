import type { TlsFiles } from '../http/tls.ts';
import type { FileValues } from './schema.ts';
import type { LoadContext } from './load-context.ts';

/** The server's TLS settings, with absolute names of readable files; undefined for plain HTTP. */
export function readTls(given: FileValues['http']['tls'], context: LoadContext): TlsFiles | undefined {
  if (given === undefined) return undefined;
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
    certificate: context.readable([...section, 'certificate'], certificate),
    key: context.readable([...section, 'key'], key),
    clientcas: clientcas.map((name, index) => context.readable([...section, 'clientcas', index], name)),
    minimumtls,
    ciphers,
  };
}
