import type { Ingest } from '../store/content-store.ts';
import type { Tail } from './tail.ts';

/** Bytes that wait behind the write under way, at which no more is taken from upstream. */
const backlogBytes = 1024 * 1024;

/**
 * Moves bytes into an ingest: one batch is written while the next one arrives. Rejects with what either side, or
 * `onWritten`, fails with; after a failure nothing more is written.
 * @param onWritten told the bytes of each batch that is written and can be read from the ingest
 */
export async function pour(
  bytes: AsyncIterable<Uint8Array>,
  ingest: Ingest,
  tail: Tail,
  onWritten: (bytes: number) => void,
): Promise<void> {
  let idle = true;
  let failed = false;
  let flushing = Promise.resolve();
  const flush = async (): Promise<void> => {
    idle = false;
    while (tail.waiting > 0) {
      const bytes = tail.waiting;
      await ingest.write(tail.take());
      onWritten(bytes);
    }
    // Not after a failure: nothing may be written behind bytes that are missing.
    idle = true;
  };
  try {
    for await (const chunk of bytes) {
      tail.append(chunk);
      if (idle) {
        flushing = flush();
        // It is awaited below, where a failure is met; until then it must not count as unhandled.
        flushing.catch(() => {
          failed = true;
        });
      }
      if (failed || tail.waiting >= backlogBytes) await flushing;
    }
  } finally {
    await flushing;
  }
}
