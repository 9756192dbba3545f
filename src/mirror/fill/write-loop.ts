import type { Ingest } from '../../store/content-store.ts';
import type { RecentBytes } from './recent-bytes.ts';

/** Bytes that wait behind the write under way, at which no more is taken from upstream. */
const backlogBytes = 1024 * 1024;

/** Bytes that are worth a write of their own: to hand one over to another thread, and to hear of its end, costs more than to write 64 KiB. */
const batchBytes = 512 * 1024;

/** Milliseconds in which what comes slowly may gather. */
const gatherMs = 16;

/**
 * Moves bytes into an ingest: one batch is written while the next one arrives. What comes first is written at once. Rejects with
 * what either side, or `onWritten`, fails with; after a failure nothing more is written.
 * @param onWritten told the bytes of each batch that is written and can be read from the ingest
 */
export async function writeLoop(
  bytes: AsyncIterable<Uint8Array>,
  ingest: Pick<Ingest, 'write'>,
  recent: RecentBytes,
  onWritten: (bytes: number) => void,
): Promise<void> {
  let idle = true;
  let failed = false;
  let flushing = Promise.resolve();
  let hurry = false;
  let endPause: (() => void) | undefined;
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, gatherMs);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const flush = async (): Promise<void> => {
    idle = false;
    while (recent.waiting > 0) {
      const bytes = recent.waiting;
      await ingest.write(recent.take());
      onWritten(bytes);
      if (!hurry && recent.waiting < batchBytes) await pause();
    }
    // Not after a failure: nothing may be written behind bytes that are missing.
    idle = true;
  };
  /** Until nothing waits any more. */
  const flushed = async (): Promise<void> => {
    hurry = true;
    endPause?.();
    await flushing;
    hurry = false;
  };
  try {
    for await (const chunk of bytes) {
      recent.append(chunk);
      if (idle) {
        flushing = flush();
        // It is awaited below, where a failure is met; until then it must not count as unhandled.
        flushing.catch(() => {
          failed = true;
        });
      } else if (recent.waiting >= batchBytes) endPause?.();
      if (failed || recent.waiting >= backlogBytes) await flushed();
    }
  } finally {
    await flushed();
  }
}
