import { resolve } from 'node:path';
import type { TlsConfig } from './config.ts';
import { assertReadable, FileProblem } from './files.ts';
import type { ProblemList } from './problem-list.ts';
import type { FileValues } from './schema.ts';
import type { Path } from './tree.ts';

/** The server's TLS settings with absolute file names, each known to be readable; undefined for plain HTTP. */
export function resolveTls(
  given: FileValues['http']['tls'],
  directory: string,
  problems: ProblemList,
): TlsConfig | undefined {
  if (given === undefined) return undefined;
  const file = (path: Path, name: string): string => {
    const absolute = resolve(directory, name);
    try {
      assertReadable(absolute);
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      problems.add(path, `${absolute} ${error.message}`);
    }
    return absolute;
  };
  const section = ['http', 'tls'];
  const { certificate, key, clientcas, minimumtls } = given;
  if (certificate === undefined || key === undefined) {
    problems.add(
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
    ciphers: undefined,
  };
}
