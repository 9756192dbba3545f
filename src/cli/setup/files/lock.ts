import { readFile, rm, writeFile } from 'node:fs/promises';
import { errnoOf } from '../../../store/file-error.ts';
import { SetupError } from '../../setup-error.ts';

/** Keeps a second setup of the same client away until it is disposed of. */
export class Lock implements AsyncDisposable {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * @param file is made, in a folder that is there
   * @throws SetupError when another process has it, or an error of the file system
   */
  static async take(file: string): Promise<Lock> {
    for (const attempt of [1, 2]) {
      try {
        await writeFile(file, `${process.pid}\n`, { flag: 'wx' });
        return new Lock(file);
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
      }
      if (attempt === 2 || (await holderRuns(file))) break;
      await rm(file, { force: true });
    }
    throw new SetupError(`another entrepot setup is at work here; if there is none, remove ${file}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#file, { force: true });
  }
}

/** A lock without a number is one that is being written. */
async function holderRuns(file: string): Promise<boolean> {
  const pid = Number(await readFile(file, 'utf8').catch(() => ''));
  if (!Number.isSafeInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}
