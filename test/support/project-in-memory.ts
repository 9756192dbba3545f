import { basename, dirname, join, resolve } from 'node:path/posix';
import type { ParseContext } from '../../src/references/parse-context.ts';
import type { SourceFile } from '../../src/references/source-file.ts';

/** Files that name images and each other, as a user's project has them in a folder; not on a disk. */
export class ProjectInMemory {
  readonly #files: ReadonlyMap<string, SourceFile>;
  readonly #folder: string;

  /** @param texts of files by their paths in the folder */
  constructor(texts: Readonly<Record<string, string>>, folder = '/project') {
    this.#folder = folder;
    this.#files = new Map(
      Object.entries(texts).map(([name, text]) => {
        const path = join(folder, name);
        // What reads files leaves out a byte order mark.
        return [path, { path, folder: dirname(path), text: text.replace(/^\uFEFF/u, '') }];
      }),
    );
  }

  file(name: string): SourceFile {
    const file = this.#files.get(join(this.#folder, name));
    if (file === undefined) throw new Error(`${name} is not in the project`);
    return file;
  }

  /** What a parser is given, with nothing but these files. */
  context(more: Partial<ParseContext> = {}): ParseContext {
    const read = async (path: string, from: SourceFile): Promise<SourceFile | undefined> =>
      await Promise.resolve(this.#files.get(resolve(from.folder, path)));
    return {
      environment: new Map(),
      envFiles: [],
      profiles: [],
      targets: [],
      buildArgs: new Map(),
      build: true,
      platforms: [{ os: 'linux', architecture: 'amd64' }],
      overrides: [],
      isFromFolder: false,
      read,
      consult: read,
      list: async (path, from) => await Promise.resolve(this.#list(join(from.folder, path))),
      ...more,
    };
  }

  #list(folder: string): readonly string[] | undefined {
    const paths = [...this.#files.keys()].filter((path) => dirname(path) === folder);
    return paths.length === 0 ? undefined : paths.map((path) => basename(path)).sort();
  }
}
