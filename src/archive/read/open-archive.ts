import type { Archive, TakeBlob } from './archive.ts';
import { ArchiveError } from './archive-error.ts';
import { inputName, type ArchiveInput } from './archive-inputs.ts';
import { chunksOf } from './byte-input.ts';
import { checkCompression, compressionOf, signatureLength, unpacked } from './compression.ts';
import { openContainerd } from './containerd-images.ts';
import { FolderArchive } from './folder-archive.ts';
import { PartFiles } from './part-files.ts';
import { StreamArchive } from './stream-archive.ts';
import { TarArchive } from './tar-archive.ts';

export interface OpenArchiveDeps {
  /** What `-` stands for. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Is given blobs that come by only once. */
  readonly take: TakeBlob;
  readonly warn: (file: string, problem: string) => void;
}

/**
 * Opens a folder, a tar, a compressed tar, or what comes out of a pipe.
 * @throws {ArchiveError}
 */
export async function openArchive(input: ArchiveInput, deps: OpenArchiveDeps): Promise<Archive> {
  const { take } = deps;
  if (input.kind === 'folder') return FolderArchive.open(input.path);
  if (input.kind === 'containerd') return openContainerd(input.path);
  const file = inputName(input);
  const warn = (problem: string): void => deps.warn(file, problem);
  if (input.kind === 'stdin') {
    const chunks = await sniffed(file, deps.stdin);
    return StreamArchive.open({ file, chunks, take, warn });
  }
  await using closing = new AsyncDisposableStack();
  const bytes = closing.use(await PartFiles.open(input.paths));
  const start = Buffer.alloc(signatureLength);
  await bytes.read(start, 0);
  const compression = compressionOf(start);
  checkCompression(file, compression);
  if (compression !== 'gzip' && compression !== 'zstd') {
    const archive = await TarArchive.open(file, bytes, warn);
    closing.move();
    return archive;
  }
  const chunks = unpacked(file, chunksOf(bytes, 0, bytes.size), compression);
  // By then it is read to its end, and the file can be closed.
  return await StreamArchive.open({ file, chunks, take, warn });
}

/** The unpacked bytes of a stream. */
async function sniffed(file: string, chunks: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) throw new ArchiveError(file, undefined, 'is empty');
  const compression = compressionOf(Buffer.from(first.value.subarray(0, signatureLength)));
  checkCompression(file, compression);
  const all = { [Symbol.asyncIterator]: () => withFirst(first.value, iterator) };
  return compression === 'gzip' || compression === 'zstd' ? unpacked(file, all, compression) : all;
}

async function* withFirst(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
