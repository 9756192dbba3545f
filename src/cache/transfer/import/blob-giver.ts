import { blobPath } from '../../../archive/blob-path.ts';
import type { Archive } from '../../../archive/read/archive.ts';
import { ArchiveError, printable } from '../../../archive/read/archive-error.ts';
import { damaged } from '../../../archive/read/damaged.ts';
import { DigestVerifier, type Digest } from '../../../oci/digest.ts';
import type { StoredBlob } from '../../../store/content-store.ts';
import { CareError, careErrorOf } from '../../care/care-error.ts';
import type { ContentSink, GivenBlob, LackingBlob } from '../content-sink.ts';

export interface BlobGiverDeps {
  readonly sink: ContentSink;
  /** Ends the giving, which rejects with its reason. */
  readonly signal: AbortSignal;
  /** Told of bytes that were read. */
  readonly onBytes: (bytes: number) => void;
}

/** Gives blobs out of archives to a cache, and knows which it has seen whole. */
export class BlobGiver {
  readonly #deps: BlobGiverDeps;
  /** Blobs whose bytes an archive has and that were verified. */
  readonly #seen = new Set<Digest>();
  /** Bytes of blobs that were not there before, until an image counts them. */
  readonly #stored = new Map<Digest, number>();

  constructor(deps: BlobGiverDeps) {
    this.#deps = deps;
  }

  /** Bytes of those blobs that were not there before. Each counts once. */
  countStored(blobs: readonly StoredBlob[]): number {
    let bytes = 0;
    for (const { digest } of blobs) {
      bytes += this.#stored.get(digest) ?? 0;
      this.#stored.delete(digest);
    }
    return bytes;
  }

  hasSeen(digest: Digest): boolean {
    return this.#seen.has(digest);
  }

  /**
   * Gives a blob from an archive that can be read again.
   * @throws {ArchiveError} when its bytes are not what they should be
   * @throws {CareError} when the cache does not take it
   */
  async give(archive: Archive, entry: string, { digest, size, held, offset }: LackingBlob): Promise<void> {
    if (!held && (await this.#isStored(archive, entry, { digest, size, offset }))) return;
    if (!(await this.#matches(digest, this.#counted(archive.open(entry, 0)))))
      throw damaged(archive.file, entry);
    this.#seen.add(digest);
  }

  /**
   * Takes a blob that comes by only once. False when it is damaged.
   * @throws {CareError} when the cache does not take it
   */
  async take(file: string, blob: StoredBlob, bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
    const { digest, size } = blob;
    const entry = blobPath(digest);
    const [lacking] = await this.#deps.sink.lacking(undefined, [blob]);
    const counted = this.#counted(bytes);
    if (lacking === undefined) return this.#saw(digest, await this.#matches(digest, counted));
    const { offset } = lacking;
    const verifier = offset === 0 ? undefined : new DigestVerifier(digest);
    const outcome = await this.#put(file, entry, { digest, size, offset }, behind(counted, offset, verifier));
    switch (outcome.state) {
      case 'stored':
        this.#stored.set(digest, size);
        return this.#saw(digest, true);
      case 'held':
        return true;
      case 'gap':
        break;
      case 'mismatch':
        if (verifier?.matches() !== true) return false;
    }
    throw new ArchiveError(
      file,
      entry,
      'does not continue what an earlier import left, which is removed now: run the same command again',
    );
  }

  /** False when the blob is there by now, but not from here. */
  async #isStored(archive: Archive, entry: string, { digest, size, offset }: GivenBlob): Promise<boolean> {
    const bytes = this.#counted(archive.open(entry, offset));
    const outcome = await this.#put(archive.file, entry, { digest, size, offset }, bytes);
    switch (outcome.state) {
      case 'stored':
        this.#stored.set(digest, size);
        this.#seen.add(digest);
        return true;
      case 'held':
        return false;
      case 'gap':
        return this.#isStored(archive, entry, { digest, size, offset: outcome.offset });
      case 'mismatch':
        if (offset === 0) throw damaged(archive.file, entry);
        // What an earlier import left of it is of no use, and gone by now.
        return this.#isStored(archive, entry, { digest, size, offset: 0 });
    }
  }

  #saw(digest: Digest, isRight: boolean): boolean {
    if (isRight) this.#seen.add(digest);
    return isRight;
  }

  async #put(
    file: string,
    entry: string,
    ...[blob, bytes]: Parameters<ContentSink['putBlob']>
  ): ReturnType<ContentSink['putBlob']> {
    try {
      return await this.#deps.sink.putBlob(blob, bytes);
    } catch (cause) {
      const error = careErrorOf(cause);
      if (error === undefined) throw cause;
      throw new CareError(error.kind, `${printable(file)}: ${printable(entry)}: ${error.message}`, { cause });
    }
  }

  async #matches(digest: Digest, bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
    const verifier = new DigestVerifier(digest);
    for await (const chunk of bytes) verifier.update(chunk);
    return verifier.matches();
  }

  async *#counted(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { signal, onBytes } = this.#deps;
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      onBytes(chunk.length);
      yield chunk;
    }
  }
}

/** The bytes behind an offset; all of them go through the verifier. */
async function* behind(
  bytes: AsyncIterable<Uint8Array>,
  offset: number,
  verifier: DigestVerifier | undefined,
): AsyncGenerator<Uint8Array> {
  let surplus = offset;
  for await (const chunk of bytes) {
    verifier?.update(chunk);
    const wanted = chunk.subarray(Math.min(surplus, chunk.length));
    surplus -= chunk.length - wanted.length;
    if (wanted.length > 0) yield wanted;
  }
}
