import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { imageReferenceText } from '../../src/oci/image-reference.ts';
import { findImages, type FindOptions } from '../../src/references/find-images.ts';
import type { Found } from '../../src/references/found-image.ts';
import { TempFolder } from './temp-folder.ts';

/** What nothing is given to. */
const noSettings: FindOptions = {
  environment: new Map(),
  envFiles: [],
  profiles: [],
  targets: [],
  buildArgs: new Map(),
  build: true,
  platforms: [{ os: 'linux', architecture: 'amd64' }],
  stdin: noInput(),
};

async function* noInput(): AsyncGenerator<Buffer> {
  // Ends at once.
}

/** A folder with files in which images are looked for: `await using files = await FindFixture.of({ … })`. */
export class FindFixture implements AsyncDisposable {
  readonly folder: TempFolder;

  private constructor(folder: TempFolder) {
    this.folder = folder;
  }

  /** @param files their contents by their paths */
  static async of(files: Readonly<Record<string, string | Uint8Array>>): Promise<FindFixture> {
    const folder = await TempFolder.create('entrepot-find-');
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(folder.join(path)), { recursive: true });
      await writeFile(folder.join(path), content);
    }
    return new FindFixture(folder);
  }

  /** What is found in some of the files or folders; paths in it are relative to the fixture's folder. */
  async find(inputs: string | readonly string[], options: Partial<FindOptions> = {}): Promise<Found> {
    const paths = [inputs].flat().map((input) => (input === '-' ? input : this.folder.join(input)));
    const found = await findImages(paths, { ...noSettings, ...options });
    const shorten = <T extends { readonly file: string }>(one: T): T => ({
      ...one,
      file: one.file.replace(`${this.folder.path}/`, ''),
    });
    return {
      images: found.images.map(shorten),
      unresolved: found.unresolved.map(shorten),
      notes: found.notes.map(shorten),
      problems: found.problems.map(shorten),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder.remove();
  }
}

/** The references of what was found, sorted, each once. */
export function imagesOf({ images }: Found): readonly string[] {
  return [...new Set(images.map(({ reference }) => imageReferenceText(reference)))];
}

/** `file:line: message` of each. */
export function remarksOf(
  remarks: readonly { readonly file: string; readonly line: number | undefined; readonly message: string }[],
): readonly string[] {
  return remarks.map(
    ({ file, line, message }) => `${file}${line === undefined ? '' : `:${line}`}: ${message}`,
  );
}
