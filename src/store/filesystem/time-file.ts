import { readFile, rename, writeFile } from 'node:fs/promises';

/** A file with one point in time, for what may be lost. */
export class TimeFile {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Milliseconds since the epoch; undefined where there is none that makes sense. */
  async read(): Promise<number | undefined> {
    try {
      const at = Date.parse((await readFile(this.#file, 'utf8')).trim());
      return Number.isNaN(at) ? undefined : at;
    } catch {
      return undefined;
    }
  }

  /** Never rejects: where it cannot be written, it keeps the time before. */
  async write(at: number): Promise<void> {
    const next = `${this.#file}.new`;
    try {
      await writeFile(next, `${new Date(at).toISOString()}\n`);
      await rename(next, this.#file);
    } catch {
      // As on a full disk.
    }
  }
}
