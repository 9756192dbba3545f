/** Bytes of a block: what one write to a socket takes. */
export const blockBytes = 512 * 1024;

/** Blocks that may be kept for later in any case; as many as are in use may be. */
const mostIdle = 16;

/** Blocks that slow readers may keep from being used again; beyond, nothing more is lent. */
const mostHeld = 16;

/**
 * Reused memory for bytes that arrive: as garbage, blocks would outlive the young generation, and pile up to
 * many times what is in use.
 */
export class Blocks {
  readonly #idle: Buffer[] = [];
  #taken = 0;
  #held = 0;

  /** Whether bytes may be lent: not while slow readers hold many blocks that are wanted back. */
  get mayLend(): boolean {
    return this.#held < mostHeld;
  }

  /** A block for `wanted` bytes. It comes uncleared. */
  take(wanted: number): Buffer {
    if (wanted < blockBytes) return Buffer.allocUnsafeSlow(wanted);
    this.#taken += 1;
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
    if (block.length < blockBytes) return;
    this.#taken -= 1;
    this.#idle.push(block);
    this.#idle.length = Math.min(this.#idle.length, Math.max(mostIdle, this.#taken));
  }
}
