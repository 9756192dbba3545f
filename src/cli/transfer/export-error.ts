import { errnoOf } from '../../store/file-error.ts';

/** `content`: an image cannot be read. `output`: nothing more can be written. */
type ExportErrorKind = 'content' | 'output';

/** Why an archive could not be written; the message is for people. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
  readonly kind: ExportErrorKind;

  constructor(kind: ExportErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** What `work` on the output at `path` resolves to; rejects with ExportError. */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ExportError) throw cause;
    throw new ExportError('output', `cannot write ${path}: ${reasonOf(errnoOf(cause))}`, { cause });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left; once there is some, the same command goes on where it stopped',
  EDQUOT: 'this user may not write more; once it may, the same command goes on where it stopped',
  EFBIG: 'the file system takes no file of that size; for FAT give --size 4GiB',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such folder',
  ENOTDIR: 'there is no such folder',
  EISDIR: 'it is a folder',
  EPIPE: 'nothing reads it any more',
};

function reasonOf(errno = 'unknown error'): string {
  return reasons[errno] ?? errno;
}
