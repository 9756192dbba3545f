import { stat } from 'node:fs/promises';
import { digestAlgorithm, digestHex, type Digest } from '../../oci/digest.ts';
import type { VerifyResult, VerifyOptions } from '../content-store.ts';
import { readError, unlessMissing } from '../file-error.ts';
import { StoreError } from '../store-error.ts';
import type { HashThread } from './hash-thread.ts';

/**
 * Errors that are the fault of the file: lost by the disk, wrong by a checksum of the file system, or not
 * readable by this user. Others, such as too many open files, are not.
 */
const unreadable: ReadonlySet<string> = new Set([
  'EIO',
  'EBADMSG',
  'EUCLEAN',
  'EACCES',
  'EPERM',
  'EISDIR',
  'ELOOP',
]);

/** Says whether a file holds the bytes that a digest names. */
export class FileVerifier {
  readonly #thread: Pick<HashThread, 'hash'>;

  constructor(thread: Pick<HashThread, 'hash'>) {
    this.#thread = thread;
  }

  /** A file that another one replaces meanwhile is judged by the new one. */
  async verdict(digest: Digest, path: string, options: VerifyOptions = {}): Promise<VerifyResult> {
    for (;;) {
      const outcome = await this.#thread.hash(path, digestAlgorithm(digest), options);
      if ('errno' in outcome) {
        const { errno = 'unknown error' } = outcome;
        if (errno === 'ENOENT') return 'missing';
        if (unreadable.has(errno)) return 'damaged';
        throw new StoreError('IO', `verifying a blob failed: ${errno}`);
      }
      if (outcome.hex === digestHex(digest)) return 'intact';
      const inode = await inodeAt(path);
      if (inode === undefined) return 'missing';
      if (inode === outcome.inode) return 'damaged';
    }
  }
}

async function inodeAt(path: string): Promise<bigint | undefined> {
  try {
    return (await unlessMissing(stat(path, { bigint: true })))?.ino;
  } catch (cause) {
    throw readError('verifying a blob', cause);
  }
}
