/**
 * The length of an arriving blob, by all accounts: the verified one beats what upstream states, and that
 * beats what manifests state, which anybody can write.
 */
export class BlobLength {
  readonly #hints = new Set<number>();
  readonly #begun = Promise.withResolvers<void>();
  readonly #told = Promise.withResolvers<number>();
  #hasBegun = false;
  #stated: number | undefined;
  #verified: number | undefined;

  constructor() {
    for (const { promise } of [this.#begun, this.#told]) promise.catch(() => undefined);
  }

  /** Bytes of a blob that is verified. */
  get verified(): number | undefined {
    return this.#verified;
  }

  /** Bytes that are verified, or that upstream states. */
  get known(): number | undefined {
    return this.#verified ?? this.#stated;
  }

  /**
   * The same, or as long as upstream has not begun to answer, what a manifest states: for plans, which may
   * turn out wrong.
   */
  get expected(): number | undefined {
    if (this.#hasBegun) return this.known;
    const [first] = this.#hints;
    return first;
  }

  /** Resolves when upstream has begun to answer, or nothing is missing; rejects when it fails to. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /**
   * Resolves to what upstream states, or where it does not say, to the verified length, in the end. Rejects
   * when there is neither.
   */
  get told(): Promise<number> {
    return this.#told.promise;
  }

  /** Whether a manifest states that many bytes. */
  isHinted(size: number): boolean {
    return this.#hints.has(size);
  }

  /** A manifest states that many bytes, or none is known that does. */
  hint(size: number | undefined): void {
    if (size !== undefined) this.#hints.add(size);
  }

  /** Upstream has begun to answer. The first size that it states counts. */
  begin(stated: number | undefined): void {
    this.#stated ??= stated;
    if (stated !== undefined) this.#told.resolve(stated);
    this.#hasBegun = true;
    this.#begun.resolve();
  }

  /** The blob is whole. */
  verify(size: number): void {
    this.#verified = size;
    this.#told.resolve(size);
    this.#hasBegun = true;
    this.#begun.resolve();
  }

  /** It will not be known. */
  fail(error: unknown): void {
    this.#begun.reject(error);
    this.#told.reject(error);
  }
}
