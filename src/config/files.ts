import { accessSync, constants, readFileSync, statSync } from 'node:fs';

/** Why a file cannot be used, as the end of a sentence that begins with its name. */
export class FileProblem extends Error {
  override readonly name = 'FileProblem';
}

/** @throws FileProblem when it is not there, not a file, not readable, or longer than `maxBytes` */
export function readText(file: string, maxBytes: number): string {
  return explained(() => {
    const stat = statSync(file);
    if (stat.isDirectory()) throw new FileProblem('is a folder, not a file');
    if (stat.size > maxBytes) throw new FileProblem(`is longer than ${maxBytes / 1024} KiB`);
    return readFileSync(file, 'utf8');
  });
}

/** @throws FileProblem */
export function assertReadable(file: string): void {
  explained(() => {
    if (statSync(file).isDirectory()) throw new FileProblem('is a folder, not a file');
    accessSync(file, constants.R_OK);
  });
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
