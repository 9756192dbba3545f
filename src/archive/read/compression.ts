import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ArchiveError } from './archive-error.ts';

/** What a file is packed with, by its first bytes. */
type Compression = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'zip';

const signatures: readonly (readonly [Compression, string])[] = [
  ['gzip', '1f8b'],
  ['zstd', '28b52ffd'],
  ['xz', 'fd377a585a00'],
  ['bzip2', '425a68'],
  ['zip', '504b0304'],
];

/** Bytes that {@link compressionOf} has to see. */
export const signatureLength = 6;

export function compressionOf(start: Buffer): Compression {
  const hex = start.toString('hex', 0, signatureLength);
  return signatures.find(([, signature]) => hex.startsWith(signature))?.[0] ?? 'none';
}

/** Refuses what is not read here, and says what to do about it. */
export function checkCompression(file: string, compression: Compression): void {
  switch (compression) {
    case 'xz':
    case 'bzip2': {
      const command = compression === 'xz' ? 'xz' : 'bzip2';
      throw new ArchiveError(
        file,
        undefined,
        `is compressed with ${command}, which is not read here: unpack it first, as with "${command} -dc FILE | entrepot import -"`,
      );
    }
    case 'zip':
      throw new ArchiveError(
        file,
        undefined,
        'is a zip file: no tool writes images into one; unpack it first',
      );
    case 'none':
    case 'gzip':
    case 'zstd':
  }
}

/**
 * The unpacked bytes of a file, of all members of a gzip.
 * @throws {ArchiveError} also for several frames of zstd: Node.js reads the first only
 */
export async function* unpacked(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  compression: 'gzip' | 'zstd',
): AsyncGenerator<Buffer> {
  let given = 0;
  let failure: { readonly error: unknown } | undefined;
  async function* counted(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        given += chunk.length;
        // A stream reads ahead.
        yield Buffer.from(chunk);
      }
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  const unpacker = compression === 'gzip' ? createGunzip() : createZstdDecompress();
  const source = Readable.from(counted(), { highWaterMark: 1 });
  source.once('error', (error) => unpacker.destroy(error));
  source.pipe(unpacker);
  try {
    yield* unpacker as AsyncIterable<Buffer>;
  } catch (cause) {
    if (failure !== undefined) throw failure.error;
    const problem = isCut(cause) ? 'is cut off' : `is damaged: what ${compression} packed cannot be unpacked`;
    throw new ArchiveError(file, undefined, problem, { cause });
  } finally {
    source.destroy();
  }
  if (compression === 'zstd' && given > unpacker.bytesWritten) {
    throw new ArchiveError(
      file,
      undefined,
      'consists of several zstd frames, which are not read here: unpack it first, as with "zstd -dc FILE | entrepot import -"',
    );
  }
}

function isCut(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'Z_BUF_ERROR';
}
