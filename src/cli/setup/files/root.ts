import { lstat, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { errnoOf } from '../../../store/file-error.ts';
import { SetupError } from '../../setup-error.ts';

/** Bytes; far more than any client's settings. */
const maxBytes = 4 * 1024 * 1024;

/** The folder that stands for `/`, as when an image is prepared. Nothing outside is read or written. */
export class Root {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws SetupError when there is no such folder */
  static async open(folder: string): Promise<Root> {
    try {
      return new Root(await realpath(folder));
    } catch (cause) {
      throw new SetupError(`--root ${folder}: there is no such folder`, { cause });
    }
  }

  /**
   * Where a file really is, or would be: links are followed, so that replacing it leaves them.
   *
   * @throws SetupError when a link leads out
   */
  async locate(path: string): Promise<string> {
    const wanted = isAbsolute(path) || this.#folder !== sep ? join(this.#folder, path) : resolve(path);
    const real = await follow(wanted);
    if (this.#folder !== sep && !real.startsWith(`${this.#folder}${sep}`)) {
      throw new SetupError(`${wanted} leads to ${real}, which is outside of --root`);
    }
    return real;
  }

  /** A folder that was located, as it is called inside. */
  nameOf(real: string): string {
    return this.#folder === sep ? real : real.slice(this.#folder.length);
  }
}

/** @throws SetupError when it is no text file */
export async function readText(file: string): Promise<string | undefined> {
  try {
    const stats = await lstat(file);
    if (!stats.isFile()) throw new SetupError(`${file} is not a plain file`);
    if (stats.size > maxBytes) throw new SetupError(`${file} is far longer than such a file should be`);
    // A byte order mark is kept, as everything else is.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof SetupError) throw error;
    const code = errnoOf(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES') throw new SetupError(`${file} may not be read by this user`, { cause: error });
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new SetupError(`${file} is not UTF-8`, { cause: error });
    throw new SetupError(`${file} cannot be read (${String(code)})`, { cause: error });
  }
}

async function follow(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOENT' || dirname(path) === path) {
      throw new SetupError(`${path} cannot be reached (${String(code)})`, { cause: error });
    }
    return join(await follow(dirname(path)), basename(path));
  }
}
