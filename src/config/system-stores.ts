import type { SystemStores } from '../upstream/authorities.ts';
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
  if (file !== undefined) {
    // It is passed over, as by other programs; but then certificates are refused.
    context.warnIfUnreadable(
      context.absolute(file),
      (problem) => `SSL_CERT_FILE: ${problem}; no authority is read from it`,
    );
  }
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
