/** Bytes of a block: what one write to a socket takes. */
export const blockBytes = 512 * 1024;

/** Blocks kept for later, at most. */
const mostIdle = 16;

/** Blocks that slow readers may keep from being used again: beyond, nothing more is lent until they have let go of some. */
const mostHeld = 16;

/**
 * The memory that what arrives goes through, used again and again: as garbage, blocks would live too long for the young
 * generation, and pile up to many times what is in use.
 */
export class Blocks {
  readonly #idle: Buffer[] = [];
  #held = 0;

  /** Whether bytes may be lent: not while slow readers hold many blocks that are wanted back. */
  get mayLend(): boolean {
    return this.#held < mostHeld;
  }

  /** A block for `wanted` bytes. It comes uncleared. */
  take(wanted: number): Buffer {
    if (wanted < blockBytes) return Buffer.allocUnsafeSlow(wanted);
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }

  /** A block cannot be given back yet, since it is lent. */
  hold(): void {
    this.#held += 1;
  }

  /** A block that was held can be given back. */
  letGo(): void {
    this.#held -= 1;
  }

  /** Takes a block back. Nothing may read from it or write to it any more. */
  giveBack(block: Buffer): void {
    if (block.length === blockBytes && this.#idle.length < mostIdle) this.#idle.push(block);
  }
}
