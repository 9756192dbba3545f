import { randomUUID } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SetupError } from '../setup-error.ts';

/** A new text that lies, on disk, beside the place where it will be put in one step. */
export class StagedFile implements AsyncDisposable {
  readonly #temporary: string;

  private constructor(temporary: string) {
    this.#temporary = temporary;
  }

  /** @param like the file whose owner and mode it gets, when that is there; else 0644 */
  static async write(target: string, text: string, like: string): Promise<StagedFile> {
    const staged = new StagedFile(join(dirname(target), `.${basename(target)}.${randomUUID()}`));
    const before = await stat(like).catch(() => undefined);
    try {
      await using file = await open(staged.#temporary, 'wx', 0o600);
      await file.writeFile(text);
      const { uid, gid } = await file.stat();
      if (before !== undefined && (before.uid !== uid || before.gid !== gid)) {
        await file.chown(before.uid, before.gid).catch((cause: unknown) => {
          throw new SetupError(
            `${like} belongs to another user, which this user cannot preserve: run it as root`,
            {
              cause,
            },
          );
        });
      }
      await file.chmod(before === undefined ? 0o644 : before.mode & 0o7777);
      await file.sync();
      return staged;
    } catch (error) {
      await staged[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Puts it there, in place of what is there. */
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
