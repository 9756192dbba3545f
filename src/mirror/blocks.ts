/** Bytes of a block: what one write to a socket takes. */
export const blockBytes = 512 * 1024;

/** Blocks kept for later, at most, if nothing else is said. */
const usuallyIdle = 16;

/**
 * The memory that what arrives goes through, used again and again: as garbage, blocks would live too long for the young
 * generation, and pile up to many times what is in use.
 */
export class Blocks {
  readonly #idle: Buffer[] = [];
  readonly #mostIdle: number;

  constructor(mostIdle = usuallyIdle) {
    this.#mostIdle = mostIdle;
  }

  /** A block for `wanted` bytes. It comes uncleared. */
  take(wanted: number): Buffer {
    if (wanted < blockBytes) return Buffer.allocUnsafeSlow(wanted);
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }

  /** Takes a block back. Nothing may read from it or write to it any more. */
  giveBack(block: Buffer): void {
    if (block.length === blockBytes && this.#idle.length < this.#mostIdle) this.#idle.push(block);
  }
}
