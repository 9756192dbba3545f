import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServedCall } from '../../base/worker-thread.ts';
import type { DigestAlgorithm } from '../../oci/digest.ts';
import { errnoOf } from '../file-error.ts';

export interface HashJob {
  readonly path: string;
  readonly algorithm: DigestAlgorithm;
  readonly bytesPerSecond: number | undefined;
}

/** What became of a file: its hash, with the inode that it was read from; or why it has none. */
export type HashOutcome =
  { readonly hex: string; readonly inode: bigint } | { readonly errno: string | undefined };

/** Bytes read and hashed in one go; a slow job takes less, so that it reads steadily. */
const longestStep = 1024 * 1024;
const shortestStep = 64 * 1024;

/** Hashes files, on a thread of its own. Jobs that run at the same time take turns, step by step. */
export class FileHasher {
  /** The last read at a limited rate: how many bytes, and when. The next one, of any file, waits for it. */
  #lastRead = { bytes: 0, at: 0 };

  async hash(job: HashJob, call: ServedCall): Promise<HashOutcome> {
    let file: FileHandle | undefined;
    try {
      // Without waiting for the other end, should somebody have put a pipe there.
      file = await open(job.path, constants.O_RDONLY | constants.O_NONBLOCK);
      const { ino } = await file.stat({ bigint: true });
      return { hex: await this.#hashOf(file, job, call), inode: ino };
    } catch (error) {
      return { errno: errnoOf(error) };
    } finally {
      await file?.close();
    }
  }

  async #hashOf(
    file: FileHandle,
    { algorithm, bytesPerSecond = Infinity }: HashJob,
    { signal, onProgress }: ServedCall,
  ): Promise<string> {
    const hash = createHash(algorithm);
    const step = Math.min(longestStep, Math.max(shortestStep, Math.floor(bytesPerSecond)));
    const buffer = Buffer.allocUnsafe(step);
    for (let position = 0; ;) {
      if (bytesPerSecond !== Infinity) await this.#wait(bytesPerSecond, signal);
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, step, position);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
      if (bytesPerSecond !== Infinity) this.#lastRead = { bytes: bytesRead, at: performance.now() };
      onProgress(bytesRead);
    }
  }

  async #wait(bytesPerSecond: number, signal: AbortSignal): Promise<void> {
    const { bytes, at } = this.#lastRead;
    const ms = at + (bytes / bytesPerSecond) * 1000 - performance.now();
    if (ms > 0) await delay(ms, undefined, { signal });
  }
}
