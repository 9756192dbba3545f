import type { Reading } from '../../store/content-store.ts';

/** Bytes compared at a time. */
const pieceBytes = 64 * 1024;

/** Upstream gives other bytes than those that it gave before: one of the two is wrong. */
export class OtherBytesError extends Error {
  override readonly name = 'OtherBytesError';
  readonly code = 'OTHER_BYTES';
}

/** The bytes of a blob that are here already, to be compared with those that come once more. */
export class ReceivedPrefix {
  readonly #bytes: Pick<Reading, 'read'>;
  readonly #isExposed: () => boolean;
  #piece: Buffer | undefined;
  #trusted = Infinity;

  /** @param isExposed whether any of them may have gone out */
  constructor(bytes: Pick<Reading, 'read'>, isExposed: () => boolean) {
    this.#bytes = bytes;
    this.#isExposed = isExposed;
  }

  /** Up to where they may go out. */
  get trusted(): number {
    return this.#trusted;
  }

  /** They are about to be compared: as long as none has gone out, none does before it has been. */
  doubt(): void {
    if (!this.#isExposed()) this.#trusted = 0;
  }

  /** All that are here have been compared, or are not to be. */
  trust(): void {
    this.#trusted = Infinity;
  }

  /**
   * Compares a piece of the blob that begins at `position` with what is here of it.
   * @throws OtherBytesError when they differ
   */
  async compare(piece: Buffer, position: number): Promise<void> {
    this.#piece ??= Buffer.allocUnsafeSlow(pieceBytes);
    for (let compared = 0; compared < piece.length;) {
      const wanted = Math.min(pieceBytes, piece.length - compared);
      const count = await this.#bytes.read(this.#piece, wanted, position + compared);
      if (count === 0) return;
      if (!this.#piece.subarray(0, count).equals(piece.subarray(compared, compared + count)))
        throw new OtherBytesError('upstream gives other bytes for the blob than before');
      compared += count;
      if (this.#trusted !== Infinity) this.#trusted = position + compared;
    }
  }
}
