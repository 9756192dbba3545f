import { DigestVerifier, type Digest } from '../../oci/digest.ts';
import { registryErrors, type RegistryError } from '../../oci/error.ts';
import { heldBackBytes } from './fill.ts';
import type { ResumableBlob } from './resumable-blob.ts';

/**
 * Reads a blob straight from upstream, for when nothing can be stored: in order, verified, its end held back until
 * the hash is right, with no more in memory than that end and a chunk.
 */
export class PassthroughReader {
  readonly #verifier: DigestVerifier;
  readonly #blob: ResumableBlob;
  readonly #promised: number | undefined;
  #chunks: AsyncGenerator<Buffer, void, undefined>;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #position = 0;
  #received = 0;
  #verified = false;

  /** @param promised the size that the client was told, in bytes */
  constructor(digest: Digest, blob: ResumableBlob, promised: number | undefined) {
    this.#verifier = new DigestVerifier(digest);
    this.#blob = blob;
    this.#promised = promised;
    this.#chunks = blob.bytes(() => undefined);
  }

  /** Whether the bytes from `position` on have not gone by. */
  canReach(position: number): boolean {
    return position >= this.#position;
  }

  /** Bytes in all, once they are verified. */
  get size(): number | undefined {
    return this.#verified ? this.#received : undefined;
  }

  /** As BlobSource.read; positions may only grow, and what lies between is passed over. */
  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    if (!this.canReach(position)) throw new RangeError('bytes that have gone by cannot be read again');
    for (;;) {
      const available = this.#verified ? this.#queued : this.#queued - heldBackBytes;
      const skipped = position - this.#position;
      if (skipped > 0 && available > 0) {
        this.#take(undefined, Math.min(skipped, available));
      } else if (available > 0) {
        return this.#take(buffer, Math.min(length, available));
      } else if (this.#verified) {
        return 0;
      } else {
        await this.#advance();
      }
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return();
  }

  async #advance(): Promise<void> {
    const { value, done } = await this.#chunks.next();
    if (done !== true) {
      this.#verifier.update(value);
      // What comes is good only until the next is asked for.
      this.#queue.push(Buffer.from(value));
      this.#queued += value.length;
      this.#received += value.length;
      // The last bytes that were promised must not go out before it is known that they are the last.
      if (this.#received > (this.#promised ?? Infinity)) throw wrongSize();
      return;
    }
    if (!this.#verifier.matches()) {
      if (this.#blob.goesOn()) {
        this.#chunks = this.#blob.bytes(() => undefined);
        return;
      }
      this.#blob.mismatched();
      throw registryErrors.badGateway('upstream sent a blob that does not match its digest');
    }
    if (this.#received !== (this.#promised ?? this.#received)) throw wrongSize();
    this.#verified = true;
  }

  /** Moves up to `length` bytes from the queue to `target`, or to nowhere. Says how many. */
  #take(target: Uint8Array | undefined, length: number): number {
    const head = this.#queue[0];
    if (head === undefined) return 0;
    const count = Math.min(length, head.length);
    target?.set(head.subarray(0, count));
    if (count === head.length) this.#queue.shift();
    else this.#queue[0] = head.subarray(count);
    this.#queued -= count;
    this.#position += count;
    return count;
  }
}

/** For a client that was told a size which upstream stated, and which the blob does not have. */
export function wrongSize(): RegistryError {
  return registryErrors.badGateway('upstream stated a wrong size for the blob');
}
