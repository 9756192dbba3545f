import { constants, type Stats } from 'node:fs';
import { chmod, chown, lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '../../oci/digest.ts';
import { errnoOf, fileError, unlessMissing } from '../file-error.ts';
import { inFolder, moveFile, namesIn, syncFolder } from '../folder.ts';
import { StoreError } from '../store-error.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';
import type { Unrecorded } from './unrecorded.ts';
import type { FileVerifier } from './file-verifier.ts';

/** Errors of linking after which copying may work. */
const linkRefusals: ReadonlySet<string | undefined> = new Set([
  'EXDEV',
  'EPERM',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
]);

interface AdoptionDeps {
  readonly layout: Layout;
  readonly files: FileSystem;
  readonly verifier: FileVerifier;
  readonly unrecorded: Unrecorded;
}

/** Takes files from elsewhere over as blobs: linked where that can be, else copied. */
export class Adoption {
  readonly #deps: AdoptionDeps;

  constructor(deps: AdoptionDeps) {
    this.#deps = deps;
  }

  /**
   * Makes a verified file a blob, as durably as a commit.
   * @returns its size in bytes
   */
  async adopt(digest: Digest, file: string): Promise<number> {
    const target = this.#deps.layout.blob(digest);
    const held = await this.#sizeIfIntact(digest, target);
    if (held !== undefined) return held;
    // The name is made first and looked at after that: nobody else can put another file there in between.
    const own = this.#deps.layout.adopted(digest);
    let made = own;
    try {
      await unlessMissing(this.#deps.files.unlink(own));
      await inFolder(this.#deps.layout.ingest, () => this.#linkOrCopy(file, own));
      const size = await this.#sizeIfIntact(digest, own);
      if (size === undefined) throw new StoreError('DIGEST_MISMATCH', `the file does not hash to ${digest}`);
      await this.#flush(own);
      await this.#deps.unrecorded.mark(digest);
      await moveFile(own, target, this.#deps.files);
      made = target;
      await syncFolder(dirname(target));
      return size;
    } catch (cause) {
      await this.#deps.files.unlink(made).catch(() => undefined);
      await this.#deps.unrecorded.clear(digest).catch(() => undefined);
      throw fileError('adopting a file', cause);
    }
  }

  /** Removes what a crash in the middle of {@link adopt} left. */
  async clear(): Promise<void> {
    for (const name of await namesIn(this.#deps.layout.ingest)) {
      if (this.#deps.layout.isAdopted(name))
        await unlessMissing(this.#deps.files.unlink(join(this.#deps.layout.ingest, name)));
    }
  }

  async #linkOrCopy(file: string, own: string): Promise<void> {
    const source = await regular(file);
    if (!isOurs(source) || !(await this.#isLinked(file, own))) {
      await this.#deps.files.copyFile(file, own, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      // As root, Node copies the owner, too.
      const { geteuid, getegid } = process;
      if (geteuid !== undefined && getegid !== undefined) await chown(own, geteuid(), getegid());
      await chmod(own, (source.mode & 0o644) | 0o600);
    }
    // Once more: a link is made of whatever has that name by then.
    const made = await regular(own);
    if (!isOurs(made)) throw new StoreError('IO', 'the file was replaced by another one meanwhile');
  }

  /** Makes a link, where that can be. */
  async #isLinked(file: string, own: string): Promise<boolean> {
    try {
      await this.#deps.files.link(file, own);
      return true;
    } catch (error) {
      if (linkRefusals.has(errnoOf(error))) return false;
      throw error;
    }
  }

  async #sizeIfIntact(digest: Digest, path: string): Promise<number | undefined> {
    if ((await this.#deps.verifier.verdict(digest, path)) !== 'intact') return undefined;
    return (await unlessMissing(lstat(path)))?.size;
  }

  async #flush(path: string): Promise<void> {
    await using file = await this.#deps.files.open(path, constants.O_RDONLY);
    await file.sync();
  }
}

async function regular(path: string): Promise<Stats> {
  const found = await lstat(path);
  if (!found.isFile()) throw new StoreError('IO', 'only a regular file can be adopted');
  return found;
}

/**
 * Whether only this user can write to a file: others could change a blob after it was verified. Root may link
 * any.
 */
function isOurs({ uid, mode }: Stats): boolean {
  return uid === (process.geteuid?.() ?? uid) && (mode & 0o002) === 0;
}
