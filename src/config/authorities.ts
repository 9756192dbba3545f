import { X509Certificate } from 'node:crypto';
import { readText } from './files.ts';
import type { LoadContext } from './load-context.ts';
import type { Path } from './tree.ts';

const maxBytes = 1024 * 1024;

const certificate = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates, in PEM form, of files that are named, or that are written out; undefined for none. */
export function readAuthorities(
  given: readonly string[] | undefined,
  path: Path,
  context: LoadContext,
): string | undefined {
  if (given === undefined) return undefined;
  const texts = given.map((item) => {
    if (item.includes('-----BEGIN ')) return readCertificates(item, 'the text', path, context);
    const content = context.file(path, item, (file) => readText(file, maxBytes));
    return content === undefined ? '' : readCertificates(content, context.absolute(item), path, context);
  });
  return texts.join('');
}

/** Only the certificates of a text: comments, and keys that do not belong there, go no further. */
function readCertificates(text: string, what: string, path: Path, context: LoadContext): string {
  const found = text.match(certificate) ?? [];
  if (found.length === 0) context.problems.add(path, `${what} holds no certificate in PEM form`);
  if (!found.every(isCertificate))
    context.problems.add(path, `${what} holds a certificate that cannot be read`);
  return found.map((pem) => `${pem}\n`).join('');
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
