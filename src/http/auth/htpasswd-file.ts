import { readFile, stat } from 'node:fs/promises';
import { isWithin, type Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import { AuthFileError, readable } from './auth-file-error.ts';
import { parseHtpasswd, type Accounts } from './htpasswd.ts';

/** How long a look at the file's date holds. */
const lookMs = 1000;

interface HtpasswdFileDeps {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The accounts of a password file, read again when it changes; if that is invalid, the old ones stay. */
export class HtpasswdFile {
  readonly #deps: HtpasswdFileDeps;
  #accounts: Accounts = new Map();
  /** Date, size and inode of what was read. */
  #version = '';
  #lookedAt = 0;
  #looking: Promise<void> | undefined;
  /** What was wrong with the file at the last look: said once, not every second. */
  #complaint: string | undefined;

  private constructor(deps: HtpasswdFileDeps) {
    this.#deps = deps;
  }

  /** Rejects with AuthFileError when the file cannot be read or holds what is no bcrypt hash. */
  static async open(deps: HtpasswdFileDeps): Promise<HtpasswdFile> {
    const file = new HtpasswdFile(deps);
    await file.#read(await file.#stat());
    return file;
  }

  async accounts(): Promise<Accounts> {
    if (!isWithin(this.#deps.clock, lookMs, this.#lookedAt)) await this.reload();
    return this.#accounts;
  }

  /** Reads the file if it has changed since. Never rejects. */
  reload(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { path, logger, clock } = this.#deps;
    try {
      const version = await this.#stat();
      if (version !== this.#version) {
        await this.#read(version);
        logger.info({ file: path, accounts: this.#accounts.size }, 'the password file was read again');
      }
      this.#complaint = undefined;
    } catch (error) {
      if (!(error instanceof AuthFileError)) throw error;
      if (error.message !== this.#complaint) {
        logger.error(
          { reason: error.message },
          'the password file cannot be used: the accounts stay as they were',
        );
      }
      this.#complaint = error.message;
    } finally {
      this.#lookedAt = clock.now();
    }
  }

  async #read(version: string): Promise<void> {
    const { path } = this.#deps;
    const text = await readable('auth.htpasswd.path', path, readFile(path, 'utf8'));
    this.#accounts = parseHtpasswd(text, path);
    this.#version = version;
    this.#lookedAt = this.#deps.clock.now();
  }

  async #stat(): Promise<string> {
    const { path } = this.#deps;
    const { mtimeNs, size, ino } = await readable('auth.htpasswd.path', path, stat(path, { bigint: true }));
    return `${mtimeNs} ${size} ${ino}`;
  }
}
