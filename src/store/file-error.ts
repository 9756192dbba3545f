import { StoreError, type StoreErrorCode } from './store-error.ts';

const codes: Readonly<Record<string, StoreErrorCode>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EROFS: 'NOT_WRITABLE',
  EACCES: 'NOT_WRITABLE',
  EPERM: 'NOT_WRITABLE',
};

/** The system's name of an error, such as `ENOENT`, or undefined when it has none. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** A file system's error as a StoreError; one that is a StoreError already stays as it is. */
export function fileError(doing: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const errno = errnoOf(cause);
  return new StoreError(codes[errno ?? ''] ?? 'IO', `${doing} failed: ${errno ?? 'unknown error'}`, {
    cause,
  });
}

/** Undefined in place of the error that says that a file, or a folder on the way to it, does not exist. */
export async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
