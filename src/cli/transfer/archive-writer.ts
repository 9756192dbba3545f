import type { ArchiveLayout, PlacedEntry } from '../../archive/archive-layout.ts';
import { tarEnd, tarPadding } from '../../archive/tar.ts';
import type { ByteSource, ImageSource } from '../../cache/transfer/image-source.ts';
import { DigestVerifier, type Digest } from '../../oci/digest.ts';
import { ExportError } from './export-error.ts';

/** Takes the bytes of an archive, in order. */
export interface ByteSink {
  /** Resolves when the bytes may change again. One call at a time. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface ArchiveWriterDeps {
  readonly source: Pick<ImageSource, 'open'>;
  /** Ends the writing: it rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Told of bytes that are written. */
  readonly onBytes: (bytes: number) => void;
}

/** Bytes in one go. */
const chunkLength = 1024 * 1024;

/** Writes archives. Each blob is hashed on its way: nothing follows one that is damaged. */
export class ArchiveWriter {
  readonly #deps: ArchiveWriterDeps;
  readonly #buffers = [Buffer.allocUnsafe(chunkLength), Buffer.allocUnsafe(chunkLength)] as const;

  constructor(deps: ArchiveWriterDeps) {
    this.#deps = deps;
  }

  /**
   * Writes the entries of an archive from one on, and its end.
   * @throws {ExportError} also for content that is missing or damaged
   */
  async write({ entries }: ArchiveLayout, sink: ByteSink, from = 0): Promise<void> {
    for (const entry of entries.slice(from)) {
      await this.#put(sink, entry.header);
      if (typeof entry.content === 'string') await this.#copy(entry, entry.content, sink);
      else await this.#put(sink, entry.content);
      await this.#put(sink, Buffer.alloc(tarPadding(entry.size)));
    }
    await this.#put(sink, tarEnd);
  }

  async #copy({ size }: PlacedEntry, digest: Digest, sink: ByteSink): Promise<void> {
    const source = await this.#deps.source.open(digest);
    if (source === undefined) throw new ExportError('content', `${digest} is not in the cache any more`);
    await using open = source;
    if (open.size !== size) throw damaged(digest);
    const verifier = new DigestVerifier(digest);
    await this.#pump(open, async (bytes) => {
      const written = this.#put(sink, bytes);
      // While the one before is written and the next one is read, on other threads.
      verifier.update(bytes);
      await written;
    });
    if (!verifier.matches()) throw damaged(digest);
  }

  /** Passes on all bytes of a source, and reads the next ones meanwhile. */
  async #pump(source: ByteSource, take: (bytes: Buffer) => Promise<void>): Promise<void> {
    const [first, second] = this.#buffers;
    let reading = source.read(first);
    try {
      for (let [current, next] = [first, second]; ; [current, next] = [next, current]) {
        const read = await reading;
        this.#deps.signal.throwIfAborted();
        if (read === 0) return;
        reading = source.read(next);
        await take(current.subarray(0, read));
      }
    } finally {
      // Its buffer is in use until then.
      await reading.catch(() => undefined);
    }
  }

  async #put(sink: ByteSink, bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    await sink.write(bytes);
    this.#deps.onBytes(bytes.length);
  }
}

function damaged(digest: Digest): ExportError {
  return new ExportError(
    'content',
    `the bytes of ${digest} in the cache are damaged: put them out of use with entrepot verify --repair, and pull them again`,
  );
}
