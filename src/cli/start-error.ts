import type { Config } from '../config/config.ts';
import { AuthFileError } from '../http/auth/auth-file-error.ts';
import { ListenError } from '../http/listen-error.ts';
import { TlsError } from '../http/tls.ts';
import { errnoOf } from '../store/file-error.ts';
import { StoreError } from '../store/store-error.ts';

/** One line on why it could not start and what to do; undefined for an unexpected error. */
export function describeStartError(error: unknown, { storage }: Config): string | undefined {
  if (error instanceof StoreError) return storeSentence(error, storage.rootdirectory);
  if (error instanceof AuthFileError) return `${error.key}: ${error.message}`;
  if (error instanceof ListenError) return listenSentence(error);
  const reason = tlsReason(error);
  return reason === undefined ? undefined : `http.tls.certificate and http.tls.key cannot be used: ${reason}`;
}

/** What OpenSSL's most usual complaints mean. */
const tlsReasons: Readonly<Record<string, string>> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the key is not that of the certificate',
  ERR_OSSL_PEM_NO_START_LINE: 'one of them is not PEM',
  ERR_OSSL_UNSUPPORTED: 'the key is not PEM, or of a kind that is not supported',
  ERR_OSSL_BAD_DECRYPT: 'the key has a passphrase, and must have none',
};

function tlsReason(error: unknown): string | undefined {
  if (error instanceof TlsError) return error.message;
  const code = errnoOf(error);
  if (code?.startsWith('ERR_OSSL') !== true) return undefined;
  return tlsReasons[code] ?? (error instanceof Error ? error.message : code);
}

function listenSentence({ code, addr, key }: ListenError): string {
  const { host = 'all interfaces', port } = addr;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is taken: stop what listens there, or choose another ${key}`;
    case 'EACCES':
      return `port ${port} on ${host} may not be opened by this user: choose a port above 1023 for ${key}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine: choose another ${key}`;
    default:
      return `port ${port} on ${host} cannot be opened (${code}): choose another ${key}`;
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
    case 'CORRUPT':
    case 'INGEST_BUSY':
    case 'DIGEST_MISMATCH':
    case 'IO':
      return `the data folder ${folder} cannot be used: ${message}`;
  }
}
