import { readFile, stat } from 'node:fs/promises';
import { isWithin, type Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import { HtpasswdError, parseHtpasswd, type Accounts } from './htpasswd.ts';

/** How long a look at the file's date holds. */
const lookMs = 1000;

export interface HtpasswdFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The accounts of a password file, read again when it changes. If the new file is invalid, that is logged and the old accounts stay. */
export class HtpasswdFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #accounts: Accounts = new Map();
  /** Date, size and inode of what was read. */
  #version = '';
  #lookedAt = 0;
  #looking: Promise<void> | undefined;
  /** What was wrong with the file at the last look: said once, not every second. */
  #complaint: string | undefined;

  private constructor({ path, clock, logger }: HtpasswdFileOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Rejects with HtpasswdError when the file cannot be read or holds what is no bcrypt hash. */
  static async open(options: HtpasswdFileOptions): Promise<HtpasswdFile> {
    const file = new HtpasswdFile(options);
    await file.#read(await file.#stat());
    return file;
  }

  async accounts(): Promise<Accounts> {
    if (!isWithin(this.#clock, lookMs, this.#lookedAt)) await this.reload();
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
    try {
      const version = await this.#stat();
      if (version !== this.#version) {
        await this.#read(version);
        this.#logger.info(
          { file: this.#path, accounts: this.#accounts.size },
          'the password file was read again',
        );
      }
      this.#complaint = undefined;
    } catch (error) {
      if (!(error instanceof HtpasswdError)) throw error;
      if (error.message !== this.#complaint) {
        this.#logger.error(
          { reason: error.message },
          'the password file cannot be used: the accounts stay as they were',
        );
      }
      this.#complaint = error.message;
    } finally {
      this.#lookedAt = this.#clock.now();
    }
  }

  async #read(version: string): Promise<void> {
    const text = await this.#explained(readFile(this.#path, 'utf8'));
    this.#accounts = parseHtpasswd(text, this.#path);
    this.#version = version;
    this.#lookedAt = this.#clock.now();
  }

  async #stat(): Promise<string> {
    const { mtimeNs, size, ino } = await this.#explained(stat(this.#path, { bigint: true }));
    return `${mtimeNs} ${size} ${ino}`;
  }

  async #explained<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
      throw new HtpasswdError(`${this.#path} cannot be read (${code})`, { cause });
    }
  }
}
