export type StoreErrorCode =
  /** No room: ENOSPC, EDQUOT, or no inodes. */
  | 'NO_SPACE'
  /** The place cannot be written to: EACCES, EROFS, EPERM. */
  | 'NOT_WRITABLE'
  /** The database is locked or busy for longer than its timeout. */
  | 'LOCKED'
  /** Another process works in the folder. */
  | 'IN_USE'
  | 'DIGEST_MISMATCH'
  | 'INGEST_BUSY'
  /** The database was written by a newer version. */
  | 'NEWER_SCHEMA'
  /** The database is damaged, or is none. */
  | 'CORRUPT'
  /** Any other failure of disk or database. */
  | 'IO';

/** What went wrong in a store; `cause` holds the system's own error. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
