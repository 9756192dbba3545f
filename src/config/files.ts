import { accessSync, closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** Why a file cannot be used, as the end of a sentence that begins with its name. */
export class FileProblem extends Error {
  override readonly name = 'FileProblem';
}

/** @throws FileProblem when it is not there, not a plain file, not readable, or longer than `maxBytes` */
export function readText(file: string, maxBytes: number): string {
  return explained(() => {
    // Opening a pipe or reading a device could block for ever: checked before and after it is opened.
    assertPlain(statSync(file));
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      assertPlain(fstatSync(descriptor));
      const buffer = Buffer.alloc(maxBytes + 1);
      const length = readFully(descriptor, buffer);
      if (length > maxBytes) throw new FileProblem(`is longer than ${maxBytes / 1024} KiB`);
      return buffer.toString('utf8', 0, length);
    } finally {
      closeSync(descriptor);
    }
  });
}

/** @throws FileProblem */
export function assertReadable(file: string, allowed: 'file' | 'or-folder' = 'file'): void {
  explained(() => {
    const stat = statSync(file);
    if (allowed === 'file' || !stat.isDirectory()) assertPlain(stat);
    accessSync(file, constants.R_OK);
  });
}

/** Not by the size that a file says it has: those of `/proc` say 0. */
function readFully(descriptor: number, buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (read === 0) break;
    length += read;
  }
  return length;
}

function assertPlain(stat: { isFile(): boolean; isDirectory(): boolean }): void {
  if (stat.isDirectory()) throw new FileProblem('is a folder, not a file');
  if (!stat.isFile()) throw new FileProblem('is a pipe or a device, not a file');
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  ELOOP: 'is a circle of links',
};

function explained<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof FileProblem) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new FileProblem(reasons[code] ?? `cannot be read (${code})`, { cause: error });
  }
}
