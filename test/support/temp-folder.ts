import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own, removed with all that is in it: `await using folder = await TempFolder.create()`. */
export class TempFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(prefix = 'entrepot-test-'): Promise<TempFolder> {
    return new TempFolder(await mkdtemp(join(tmpdir(), prefix)));
  }

  /**
   * One where flushing costs nothing, if the system has such a place: for tests that start over thousands of
   * times.
   */
  static async inMemory(): Promise<TempFolder> {
    const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    return new TempFolder(await mkdtemp(join(parent, 'entrepot-test-')));
  }

  /** An absolute path inside the folder. */
  join(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}
