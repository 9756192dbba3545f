import { StoreError, type StoreErrorCode } from './store-error.ts';

const codes: Readonly<Record<string, StoreErrorCode>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EROFS: 'NOT_WRITABLE',
  EACCES: 'NOT_WRITABLE',
  EPERM: 'NOT_WRITABLE',
};

/** The system's code of an error, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  // An error of a file and then one of closing it: the latter, as in `finally`.
  if (error instanceof SuppressedError) return errnoOf(error.error);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** An error while writing as a StoreError, unless it is one already. */
export function fileError(doing: string, cause: unknown): StoreError {
  return storeError(codes[errnoOf(cause) ?? ''] ?? 'IO', doing, cause);
}

/** An error while reading as a StoreError: EACCES then does not mean that the store cannot be written. */
export function readError(doing: string, cause: unknown): StoreError {
  return storeError('IO', doing, cause);
}

/** What `work` resolves to; rejects with {@link fileError}. */
export async function writing<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw fileError(doing, cause);
  }
}

/** What `work` resolves to; rejects with {@link readError}. */
export async function reading<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw readError(doing, cause);
  }
}

function storeError(code: StoreErrorCode, doing: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  return new StoreError(code, `${doing} failed: ${errnoOf(cause) ?? 'unknown error'}`, { cause });
}

/** Undefined instead of ENOENT. */
export async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
