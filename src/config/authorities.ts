import { X509Certificate } from 'node:crypto';
import { readText } from './files.ts';
import type { Surroundings } from './surroundings.ts';
import type { Path } from './tree.ts';

const maxBytes = 1024 * 1024;

const certificate = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates, in PEM form, of files that are named, or that are written out; undefined for none. */
export function readAuthorities(
  given: readonly string[] | undefined,
  path: Path,
  around: Surroundings,
): string | undefined {
  if (given === undefined) return undefined;
  const texts = given.map((item) => {
    if (item.includes('-----BEGIN ')) return readCertificates(item, 'the text', path, around);
    const content = around.file(path, item, (file) => readText(file, maxBytes));
    return content === undefined ? '' : readCertificates(content, around.absolute(item), path, around);
  });
  return texts.join('');
}

/** Only the certificates of a text: comments, and keys that do not belong there, go no further. */
function readCertificates(text: string, what: string, path: Path, around: Surroundings): string {
  const found = text.match(certificate) ?? [];
  if (found.length === 0) around.problems.add(path, `${what} holds no certificate in PEM form`);
  if (!found.every(isCertificate))
    around.problems.add(path, `${what} holds a certificate that cannot be read`);
  return found.map((pem) => `${pem}\n`).join('');
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
