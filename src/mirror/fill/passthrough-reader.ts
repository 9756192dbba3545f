import { DigestVerifier, type Digest } from '../../oci/digest.ts';
import { registryErrors, type RegistryError } from '../../oci/error.ts';
import { heldBackBytes } from './fill.ts';
import type { ResumableBlob } from './resumable-blob.ts';

/** Bytes that are skipped rather than to ask upstream for a part once more. */
const maxSkip = 1024 * 1024;

export interface PassthroughDeps {
  readonly digest: Digest;
  /** From the beginning, or from the start of the part on. */
  readonly blob: ResumableBlob;
  /** The size that the client was told, in bytes. */
  readonly promised: number | undefined;
  /** Positions; the whole blob if not given. A part ends before the bytes that have to wait for the hash. */
  readonly part?: { readonly start: number; readonly end: number } | undefined;
}

/**
 * Reads a blob straight from upstream, in order, for when nothing can be stored. The whole blob is verified,
 * its end held back until the hash is right. A part is not, no more than a range that joins a fill: large
 * blobs that are asked for in parts would be fetched from the beginning for each.
 */
export class PassthroughReader {
  readonly #deps: PassthroughDeps;
  readonly #verifier: DigestVerifier | undefined;
  readonly #end: number;
  #chunks: AsyncGenerator<Buffer, void, undefined>;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #position: number;
  #received = 0;
  #verified = false;

  constructor(deps: PassthroughDeps) {
    const { digest, blob, part } = deps;
    this.#deps = deps;
    this.#verifier = part === undefined ? new DigestVerifier(digest) : undefined;
    this.#position = part?.start ?? 0;
    this.#end = part?.end ?? Infinity;
    this.#chunks = blob.bytes(() => undefined);
  }

  /** Whether the bytes from `position` on have not gone by; of a part, also whether they come soon. */
  canReach(position: number): boolean {
    const maxDistance = this.#verifier === undefined ? maxSkip : Infinity;
    const distance = position - this.#position;
    return distance >= 0 && distance <= maxDistance && position < this.#end;
  }

  /** Bytes in all, once they are verified. */
  get size(): number | undefined {
    return this.#verified ? this.#received : undefined;
  }

  /** As BlobAnswer.read, for a position that it {@link canReach}. What lies between two reads is skipped. */
  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    if (!this.canReach(position)) throw new RangeError('these bytes are not within reach');
    for (;;) {
      const heldBack = this.#verifier === undefined || this.#verified ? 0 : heldBackBytes;
      const available = this.#queued - heldBack;
      const skipped = position - this.#position;
      if (skipped > 0 && available > 0) {
        this.#take(undefined, Math.min(skipped, available));
      } else if (available > 0) {
        return this.#take(buffer, Math.min(length, available, this.#end - position));
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
    const { blob, promised = Infinity } = this.#deps;
    const { value, done } = await this.#chunks.next();
    if (done !== true) {
      this.#verifier?.update(value);
      // A chunk is good only until the next is asked for.
      this.#queue.push(Buffer.from(value));
      this.#queued += value.length;
      this.#received += value.length;
      // The last bytes that were promised must not go out before it is known that they are the last.
      if (this.#received > promised) throw wrongSize();
    } else if (this.#verifier?.matches() === true) {
      if (promised !== Infinity && this.#received !== promised) throw wrongSize();
      this.#verified = true;
    } else if (blob.goesOn()) {
      this.#chunks = blob.bytes(() => undefined);
    } else if (this.#verifier === undefined) {
      throw wrongSize();
    } else {
      blob.mismatched();
      throw registryErrors.badGateway('upstream sent a blob that does not match its digest');
    }
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
