import { constants, type Dirent } from 'node:fs';
import { lstat, open, opendir, realpath } from 'node:fs/promises';
import { errnoOf, unlessMissing } from '../../../store/file-error.ts';

/** Why something on the disk is not read, as a sentence that begins with its name. */
export interface Unreadable {
  readonly reason: string;
}

/** A regular file that no symbolic link leads to. */
export interface PlainFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * A regular file, reached without symbolic links below the real folder that `path` begins with; undefined:
 * none.
 */
export async function plainFile(path: string): Promise<PlainFile | Unreadable | undefined> {
  try {
    const real = await unlessMissing(realpath(path));
    // Where a link leads nowhere, the link itself is there.
    const found = await unlessMissing(lstat(path));
    if (found === undefined) return undefined;
    if (real !== path) return { reason: 'is reached by a symbolic link, which is not followed' };
    return found.isFile() ? { path, size: found.size } : { reason: 'is no regular file' };
  } catch (error) {
    return unreadable(error);
  }
}

/** The bytes of a {@link plainFile} of `most` bytes at most. */
export async function readPlain(path: string, most: number): Promise<Buffer | Unreadable | undefined> {
  const file = await plainFile(path);
  if (file === undefined || 'reason' in file) return file;
  if (file.size > most) return { reason: `is larger than ${most} bytes` };
  try {
    // It may have become a pipe, and opening one would block.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(file.size), 0, file.size, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? undefined : unreadable(error);
  }
}

/** What is in a folder, in no order; a reason when it cannot be read, and nothing when it does not exist. */
export async function* entriesOf(folder: string): AsyncGenerator<Dirent | Unreadable> {
  try {
    const opened = await unlessMissing(opendir(folder));
    if (opened !== undefined) yield* opened;
  } catch (error) {
    yield unreadable(error);
  }
}

/** Without what a terminal would obey. */
export function printable(name: string): string {
  return /^[\w./:@ -]+$/.test(name) ? name : JSON.stringify(name).replaceAll(/[^\x20-\x7e]/g, '?');
}

function unreadable(error: unknown): Unreadable {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  return { reason: `cannot be read (${errno})` };
}
