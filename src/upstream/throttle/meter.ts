/** Counts what is received over one connection, and says when to stop for a while. */
export interface Meter {
  /** Milliseconds for which it has made the connection wait so far. */
  readonly heldMs: number;
  /** Counts bytes that were received. False: no more are to be received until `goOn` is called. */
  took(bytes: number, goOn: () => void): boolean;
  /** Nothing more comes. */
  end(): void;
}
