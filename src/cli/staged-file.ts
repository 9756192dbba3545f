import { randomUUID } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../store/folder.ts';

/** A new file's owner cannot be preserved by this user. */
export class OwnerError extends Error {
  override readonly name = 'OwnerError';
}

/** A new text that is on disk beside its target, which takes its place in one step. */
export class StagedFile implements AsyncDisposable {
  readonly #temporary: string;

  private constructor(temporary: string) {
    this.#temporary = temporary;
  }

  /**
   * At no time can users read it whom the mode excludes, whatever the umask.
   *
   * @param like a file whose owner and mode it gets in place of `mode`, if there is one
   * @throws OwnerError
   */
  static async write(target: string, text: string, mode: number, like?: string): Promise<StagedFile> {
    const staged = new StagedFile(join(dirname(target), `.${basename(target)}.${randomUUID()}`));
    const before = like === undefined ? undefined : await stat(like).catch(() => undefined);
    try {
      await using file = await open(staged.#temporary, 'wx', 0o600);
      await file.writeFile(text);
      const { uid, gid } = await file.stat();
      if (before !== undefined && (before.uid !== uid || before.gid !== gid)) {
        await file.chown(before.uid, before.gid).catch((cause: unknown) => {
          throw new OwnerError(`${like} belongs to another user`, { cause });
        });
      }
      await file.chmod(before === undefined ? mode : before.mode & 0o7777);
      await file.sync();
      return staged;
    } catch (error) {
      await staged[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Puts it there, in place of what is there. Durable after a sync of the folder. */
  async replace(target: string): Promise<void> {
    await rename(this.#temporary, target);
  }

  /** Puts it there unless something is there already. */
  async add(target: string): Promise<void> {
    await link(this.#temporary, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#temporary, { force: true });
  }
}

/** Writes a whole file so that a crash leaves the old one or the new one. */
export async function writeDurably(file: string, text: string, mode: number): Promise<void> {
  await using staged = await StagedFile.write(file, text, mode);
  await staged.replace(file);
  await syncFolder(dirname(file));
}
