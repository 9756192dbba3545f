import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { assembleImage, type Image } from '../../support/image.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { command } from './command.ts';

/** What an image runs with, as `docker image inspect` calls it. */
export type RunSettings = Readonly<Record<string, unknown>>;

/** The root folder of an image, put together of this machine's own programs. */
export class RootFolder implements AsyncDisposable {
  readonly #folder: TempFolder;

  private constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  static async create(): Promise<RootFolder> {
    const root = new RootFolder(await TempFolder.create());
    await mkdir(root.#inside('/tmp'), { recursive: true, mode: 0o1777 });
    return root;
  }

  /** Copies a program and the libraries that it needs, each to the path at which it is here. */
  async addPrograms(...programs: readonly string[]): Promise<void> {
    for (const program of programs) {
      await this.add(program);
      await this.addLibrariesOf(program);
    }
  }

  /** The libraries of a Debian package. */
  async addLibraries(debianPackage: string): Promise<void> {
    const files = (await command('dpkg', ['-L', debianPackage])).split('\n');
    for (const file of files) if (/\/lib[^/]*\.so\.[0-9]+$/u.test(file)) await this.add(file);
  }

  async addLibrariesOf(program: string): Promise<void> {
    const printed = await command('ldd', [program]);
    for (const [, library = ''] of printed.matchAll(/(?:^\s*|=> )(\/\S+) \(0x/gmu)) await this.add(library);
  }

  /** Copies a file or a folder; a link is followed. */
  async add(from: string, to = from): Promise<void> {
    await mkdir(dirname(this.#inside(to)), { recursive: true });
    await cp(from, this.#inside(to), { dereference: true, recursive: true });
  }

  async link(path: string, target: string): Promise<void> {
    await mkdir(dirname(this.#inside(path)), { recursive: true });
    await symlink(target, this.#inside(path));
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(this.#inside(path)), { recursive: true });
    await writeFile(this.#inside(path), text);
  }

  /** An image of one layer. */
  async toImage(config: RunSettings): Promise<Image> {
    await using folder = await TempFolder.create();
    const tar = folder.join('layer.tar');
    await command('tar', [
      '--create',
      '--owner=0',
      '--group=0',
      `--file=${tar}`,
      '-C',
      this.#folder.path,
      '.',
    ]);
    const layer = await readFile(tar);
    return assembleImage([gzipSync(layer, { level: 1 })], {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config,
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'a root folder' }],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder.remove();
  }

  #inside(path: string): string {
    return this.#folder.join(path);
  }
}
