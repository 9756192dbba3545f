import type { SystemStores } from '../upstream/authorities.ts';
import { assertReadable, FileProblem } from './files.ts';
import type { LoadContext } from './load-context.ts';

/** Of Debian, Fedora, openSUSE, OpenELEC, RHEL and Alpine, as Go looks for them. */
const files: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

const directories: readonly string[] = ['/etc/ssl/certs', '/etc/pki/tls/certs'];

/**
 * Where the system's authorities are: `SSL_CERT_FILE` replaces the usual files, `SSL_CERT_DIR` (a list with
 * colons) the usual folders.
 * @see https://pkg.go.dev/crypto/x509#SystemCertPool
 */
export function readSystemStores(context: LoadContext): SystemStores {
  const file = context.variable('SSL_CERT_FILE');
  const folders = context.variable('SSL_CERT_DIR');
  if (file !== undefined) warnOf(file, context);
  return {
    files: file === undefined ? files : [context.absolute(file)],
    directories:
      folders === undefined
        ? directories
        : folders
            .split(':')
            .filter((folder) => folder !== '')
            .map((folder) => context.absolute(folder)),
  };
}

/** A file that is missing is passed over, as by other programs; but then certificates are refused. */
function warnOf(file: string, context: LoadContext): void {
  try {
    assertReadable(context.absolute(file));
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    context.warnings.push(
      `SSL_CERT_FILE: ${context.absolute(file)} ${error.message}; no authority is read from it`,
    );
  }
}
