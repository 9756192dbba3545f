import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { TempFolder } from '../../support/temp-folder.ts';
import { command } from './command.ts';
import { unmountBelow } from './mounts.ts';

export interface SmallDiskOptions {
  readonly mebibytes: number;
  /** How many files and folders it can hold. */
  readonly files?: number;
}

/** A file system of its own that a test can fill and make read-only: a tmpfs, or an ext4 in a file. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;
  readonly #folder: TempFolder;

  private constructor(folder: TempFolder) {
    this.#folder = folder;
    this.path = folder.join('disk');
  }

  static async tmpfs({ mebibytes, files = 10_000 }: SmallDiskOptions): Promise<SmallDisk> {
    return SmallDisk.#mounted(async (disk) => {
      const options = `size=${mebibytes}m,nr_inodes=${files}`;
      await command('mount', ['-t', 'tmpfs', '-o', options, 'small-disk', disk.path]);
    });
  }

  static async ext4({ mebibytes }: SmallDiskOptions): Promise<SmallDisk> {
    return SmallDisk.#mounted(async (disk) => {
      await command('truncate', ['-s', `${mebibytes}M`, disk.#image]);
      await command('mkfs.ext4', ['-q', disk.#image]);
      await command('mount', ['-o', 'loop', disk.#image, disk.path]);
    });
  }

  static async #mounted(mount: (disk: SmallDisk) => Promise<void>): Promise<SmallDisk> {
    const disk = new SmallDisk(await TempFolder.create());
    await using cleanup = new AsyncDisposableStack();
    cleanup.use(disk);
    await mkdir(disk.path);
    await mount(disk);
    cleanup.move();
    return disk;
  }

  get #image(): string {
    return this.#folder.join('image');
  }

  /** Takes the room that is left, but for so many bytes, with a file that is not the cache's. */
  async fill(leaving = 0): Promise<void> {
    const file = await open(`${this.path}/somebody-elses`, 'w');
    try {
      for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) await fillUp(file, size);
      const { size } = await file.stat();
      await file.truncate(size - leaving);
    } finally {
      await file.close();
    }
  }

  /** Takes the files that are left. */
  async fillFiles(): Promise<void> {
    await mkdir(`${this.path}/somebody-elses`);
    try {
      for (let number = 0; ; number += 1) await writeFile(`${this.path}/somebody-elses/${number}`, '');
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }

  /** Gives back what {@link fill} or {@link fillFiles} took. */
  async free(): Promise<void> {
    await rm(`${this.path}/somebody-elses`, { recursive: true });
  }

  /** As an administrator does. Nobody may have a file open for writing. */
  async remount(mode: 'ro' | 'rw'): Promise<void> {
    await command('mount', ['-o', `remount,${mode}`, this.path]);
  }

  /**
   * As the kernel does to an ext4 whose disk fails, whoever has files open: nothing can be written until
   * {@link repair}.
   */
  async abort(): Promise<void> {
    await command('mount', ['-o', 'remount,abort', this.path]);
  }

  /** Mounts an ext4 anew after {@link abort}. Nobody may use it. */
  async repair(): Promise<void> {
    await command('umount', [this.path]);
    await command('mount', ['-o', 'loop', this.#image, this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await unmountBelow(this.#folder.path);
    await this.#folder.remove();
  }
}

async function fillUp(file: Awaited<ReturnType<typeof open>>, size: number): Promise<void> {
  try {
    for (;;) await file.write(Buffer.alloc(size, 1));
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
