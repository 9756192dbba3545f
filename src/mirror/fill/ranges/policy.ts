/** When a blob is fetched in several ranges at once. */
export interface RangePolicy {
  /** Connections to one host for the blobs of all fills together; 1 for never more than one a blob. */
  readonly connections: number;
  /** What is smaller comes in one piece, in bytes. */
  readonly minBytes: number;
}
