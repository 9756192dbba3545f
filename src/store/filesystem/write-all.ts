import { StoreError } from '../store-error.ts';

/** The one method of a FileHandle that matters here. */
interface VectorWriter {
  writev(chunks: readonly Uint8Array[], position: number): Promise<{ readonly bytesWritten: number }>;
}

/** What is left of `chunks` after their first `written` bytes. */
function rest(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = written;
  for (const chunk of chunks) {
    if (skip < chunk.length) left.push(chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return left;
}

/** Writes all chunks at `position`, in however many short writes. Resolves to the bytes written. */
export async function writeAll(
  file: VectorWriter,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<number> {
  let total = 0;
  let left = rest(chunks, 0);
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, position + total);
    if (bytesWritten === 0) throw new StoreError('IO', 'the file takes no more bytes');
    total += bytesWritten;
    left = rest(left, bytesWritten);
  }
  return total;
}
