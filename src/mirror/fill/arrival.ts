/** A blob that somebody waits for to be held, without reading it. */
export interface Arrival {
  /** Bytes that are still to come, as far as that is known. */
  readonly left: number;
  /** Bytes that have come since it was begun. */
  readonly received: number;
  /** Whether it was on its way before. */
  readonly joined: boolean;
  /** Resolves when {@link left} may have changed; never, once it is over. */
  progress(): Promise<void>;
  /** Resolves to whether the blob is held, when there is nothing left to do. */
  readonly held: Promise<boolean>;
  /** From now on nobody abandons it: somebody counts on it. */
  keep(): void;
  /** Ends it if it was begun for this, and nobody has come to read it. What has arrived is kept for whoever asks next. */
  abandon(): void;
}

/** Nothing comes: the blob is not worth fetching before somebody asks for it. */
export const notArriving: Arrival = {
  left: 0,
  received: 0,
  joined: false,
  progress: () => new Promise(() => undefined),
  held: Promise.resolve(false),
  keep: () => undefined,
  abandon: () => undefined,
};
