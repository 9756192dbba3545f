import type { Config } from '../config/config.ts';
import { HtpasswdError } from '../http/auth/htpasswd.ts';
import { TokenKeyError } from '../http/auth/token-keys.ts';
import { TlsError } from '../http/tls.ts';
import { StoreError } from '../store/store-error.ts';

/** One line on why it could not start and what to do; undefined for what nobody foresaw. */
export function describeStartError(error: unknown, { http, storage }: Config): string | undefined {
  if (error instanceof StoreError) return storeSentence(error, storage.rootdirectory);
  if (error instanceof HtpasswdError) return `auth.htpasswd.path: ${error.message}`;
  if (error instanceof TokenKeyError) return `auth.token: ${error.message}`;
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { host = 'all interfaces' } = http.addr;
  // There may be several addresses; the system says which one it was.
  const port = 'port' in error ? String(error.port) : http.addr.port;
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is taken: stop what listens there, or choose another http.addr`;
    case 'EACCES':
      return `port ${port} on ${host} may not be opened by this user: choose an http.addr with a port above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine: choose another http.addr`;
    default:
      return error instanceof TlsError ||
        (typeof error.code === 'string' && error.code.startsWith('ERR_OSSL'))
        ? `http.tls.certificate and http.tls.key cannot be used: ${error.message}`
        : undefined;
  }
}

function storeSentence({ code, message }: StoreError, folder: string): string {
  switch (code) {
    case 'NOT_WRITABLE':
      return `cannot write to the data folder ${folder}: give it to this user, or choose another storage.filesystem.rootdirectory`;
    case 'NO_SPACE':
      return `the disk of the data folder ${folder} is full`;
    case 'IN_USE':
      return `another entrepot uses the data folder ${folder}: stop it, or choose another storage.filesystem.rootdirectory`;
    case 'LOCKED':
      return `the database in the data folder ${folder} is locked by another process`;
    case 'NEWER_SCHEMA':
    case 'INGEST_BUSY':
    case 'DIGEST_MISMATCH':
    case 'IO':
      return `the data folder ${folder} cannot be used: ${message}`;
  }
}
