import { createHash, type Hash } from 'node:crypto';

/** The sums of parts up to some byte. */
export interface PartSumsMark {
  readonly sums: readonly string[];
  readonly hash: Hash;
  /** Bytes of the part that is under way. */
  readonly length: number;
}

/** SHA-256 of each part of a stream of bytes. */
export class PartSums {
  readonly #partLength: number;
  #sums: string[] = [];
  #hash = createHash('sha256');
  #length = 0;

  constructor(partLength: number) {
    this.#partLength = partLength;
  }

  update(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0;) {
      const taken = rest.subarray(0, this.#partLength - this.#length);
      this.#hash.update(taken);
      this.#length += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#length === this.#partLength) this.#next();
    }
  }

  mark(): PartSumsMark {
    return { sums: [...this.#sums], hash: this.#hash.copy(), length: this.#length };
  }

  /** Goes back to a mark, which can be used once. */
  reset({ sums, hash, length }: PartSumsMark): void {
    this.#sums = [...sums];
    this.#hash = hash;
    this.#length = length;
  }

  /** In hexadecimal, the last part included. To be called once, at the end. */
  finish(): readonly string[] {
    if (this.#length > 0) this.#next();
    return this.#sums;
  }

  #next(): void {
    this.#sums.push(this.#hash.digest('hex'));
    this.#hash = createHash('sha256');
    this.#length = 0;
  }
}
