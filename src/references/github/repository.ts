import { resolve, sep } from 'node:path';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';

/** Reads files of the repository that a workflow is in. */
export class Repository {
  readonly #file: SourceFile;
  readonly #context: ParseContext;
  readonly #top: string;

  /** @param file the workflow, or an action */
  constructor(file: SourceFile, context: ParseContext) {
    this.#file = file;
    this.#context = context;
    this.#top = pathToTop(file);
  }

  /** @param path from the top of the repository: `./.github/workflows/build.yml` */
  async read(path: string): Promise<SourceFile | undefined> {
    return await this.#context.read(`${this.#top}${path}`, this.#file);
  }
}

/** The way up to the folder with `.github` in it; a file elsewhere is taken to be at the top itself. */
function pathToTop({ path }: SourceFile): string {
  const folders = resolve(path).split(sep).slice(0, -1);
  const index = folders.lastIndexOf('.github');
  return index < 0 ? './' : '../'.repeat(folders.length - index);
}
