import { stat } from 'node:fs/promises';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { imageReferenceText } from '../oci/image-reference.ts';
import { BadFile } from './bad-file.ts';
import type { FileKind } from './file-kind.ts';
import { foldersBelow, listFolder } from './folder.ts';
import type { Found, FoundImage, Remark, Unresolved } from './found-image.ts';
import { kindsOfFile, type KindOfFile } from './kinds.ts';
import type { ParseSettings } from './parse-context.ts';
import { readOptionalFile, readSourceFile, readStream, stdinPath, type SourceFile } from './source-file.ts';

export interface FindOptions extends ParseSettings {
  /** What all files are, whatever they are called and look like. */
  readonly kind?: FileKind | undefined;
  /** For the input `-`. */
  readonly stdin: AsyncIterable<Buffer>;
}

/** A file, and what reads it. */
interface Task {
  readonly file: SourceFile;
  readonly kind: KindOfFile;
  readonly overrides: SourceFile[];
  readonly isFromFolder: boolean;
}

/** Files of a folder whose content tells what they are. */
const hasTellingContent = /\.(?:ya?ml|json)$/u;

/**
 * The images that files name, ordered by reference, file and line: each place that names one. A file that
 * cannot be read is a problem of the result, and no reason to leave out others.
 *
 * @param inputs files, folders and `-`, the standard input. Of a folder those are read whose names tell what
 *   they
 *   are, and of its YAML and JSON those whose content does.
 */
export async function findImages(inputs: readonly string[], options: FindOptions): Promise<Found> {
  return await new Search(options).run(inputs);
}

class Search {
  readonly #options: FindOptions;
  readonly #images: FoundImage[] = [];
  readonly #unresolved: Unresolved[] = [];
  readonly #notes: Remark[] = [];
  readonly #problems: Remark[] = [];
  /** Absolute paths of files that were read for others. */
  readonly #used = new Set<string>();

  constructor(options: FindOptions) {
    this.#options = options;
  }

  async run(inputs: readonly string[]): Promise<Found> {
    const named: Task[] = [];
    const folders: string[] = [];
    for (const input of new Set(inputs)) {
      await this.#reporting(this.#problems, async () => {
        if (input !== '-' && (await isFolder(input))) folders.push(input);
        else await this.#addNamed(named, input);
      });
    }
    for (const task of named) this.#add(await this.#parse(task));
    for (const folder of folders) await this.#reporting(this.#problems, () => this.#searchFolder(folder));
    return {
      images: byReference(this.#images),
      unresolved: this.#unresolved.sort(byPlace),
      notes: this.#notes.sort(byPlace),
      problems: this.#problems.sort(byPlace),
    };
  }

  /** Files of a layered kind that are named together become one task. */
  async #addNamed(tasks: Task[], input: string): Promise<void> {
    const file =
      input === '-' ? await readStream(stdinPath, this.#options.stdin) : await readSourceFile(input);
    const kind = this.#kindOf(file);
    const base = kind.isLayered === true ? tasks.find((task) => task.kind === kind) : undefined;
    if (base === undefined) tasks.push({ file, kind, overrides: [], isFromFolder: false });
    else base.overrides.push(file);
  }

  #kindOf(file: SourceFile): KindOfFile {
    const { kind } = this.#options;
    const known =
      kind === undefined
        ? (kindByName(file.path) ?? kindByContent(file.text))
        : kindsOfFile.find((one) => one.kind === kind);
    if (known !== undefined) return known;
    const kinds = kindsOfFile.map((one) => one.kind).join(', ');
    const message = `neither its name nor its content tells what it is: give --kind, one of ${kinds}`;
    throw new BadFile({ file: file.path, line: undefined, message });
  }

  async #searchFolder(root: string): Promise<void> {
    const tasks: Task[] = [];
    for (const { path, names } of await foldersBelow(root)) {
      for (const name of names)
        await this.#addFromFolder(tasks, { path: join(path, name), name, siblings: names });
    }
    if (tasks.length === 0) {
      throw new BadFile({ file: root, line: undefined, message: 'has no file in it that names images' });
    }
    const parsed: (readonly [Task, Found])[] = [];
    for (const kind of kindsOfFile) {
      for (const task of tasks) {
        if (task.kind === kind && !this.#isUsed(task)) parsed.push([task, await this.#parse(task)]);
      }
    }
    // Some turned out to be used only after they had been read: a kustomization, by one that comes after it.
    for (const [task, found] of parsed) if (!this.#isUsed(task)) this.#add(found);
  }

  /** Whether it was read for another file. */
  #isUsed({ file }: Task): boolean {
    return this.#used.has(resolve(file.path));
  }

  async #addFromFolder(
    tasks: Task[],
    { path, name, siblings }: { path: string; name: string; siblings: readonly string[] },
  ): Promise<void> {
    const byName = kindByName(path);
    if (byName === undefined && !hasTellingContent.test(name)) return;
    if (byName?.isTaken?.(name, siblings) === false) return;
    // What cannot be read and may have been anything is no problem.
    await this.#reporting(byName === undefined ? this.#notes : this.#problems, async () => {
      const file = await readSourceFile(path);
      const kind = byName ?? kindByContent(file.text);
      const { kind: wanted = kind?.kind } = this.#options;
      if (kind === undefined || kind.kind !== wanted || kind.isTaken?.(name, siblings) === false) return;
      tasks.push({ file, kind, overrides: [], isFromFolder: true });
    });
  }

  async #parse({ file, kind, overrides, isFromFolder }: Task): Promise<Found> {
    const problems: Remark[] = [];
    let found: Found = { images: [], unresolved: [], notes: [], problems };
    await this.#reporting(problems, async () => {
      const parse = await kind.load();
      found = await parse(file, {
        ...this.#options,
        overrides,
        isFromFolder,
        read: async (path, from) => {
          const joined = pathFrom(from, path);
          if (resolve(joined) !== resolve(file.path)) this.#used.add(resolve(joined));
          return await readOptionalFile(joined);
        },
        consult: async (path, from) => await readOptionalFile(pathFrom(from, path)),
        list: async (path, from) => await listFolder(resolve(from.folder, path)),
      });
    });
    return found;
  }

  #add({ images, unresolved, notes, problems }: Found): void {
    // There may be more than a call takes arguments.
    for (const image of images) this.#images.push(image);
    for (const one of unresolved) this.#unresolved.push(one);
    for (const note of notes) this.#notes.push(note);
    for (const problem of problems) this.#problems.push(problem);
  }

  /** Adds an unusable file to `remarks`. */
  async #reporting(remarks: Remark[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof BadFile)) throw error;
      remarks.push({ file: error.file, line: error.line, message: error.message });
    }
  }
}

/** Whether the name of a file tells that it names images. */
export function isNamedFile(path: string): boolean {
  return kindByName(path) !== undefined;
}

function pathFrom({ folder }: SourceFile, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

async function isFolder(path: string): Promise<boolean> {
  // What is absent is for the reader of files to tell.
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function kindByName(path: string): KindOfFile | undefined {
  const absolute = resolve(path).replaceAll(sep, '/');
  return kindsOfFile.find(({ isNamed }) => isNamed(absolute));
}

function kindByContent(text: string): KindOfFile | undefined {
  return kindsOfFile.find(({ hasContent }) => hasContent?.(text) === true);
}

function byReference(images: readonly FoundImage[]): readonly FoundImage[] {
  return images
    .map((image) => ({ image, text: imageReferenceText(image.reference) }))
    .sort((a, b) => compare(a.text, b.text) || byPlace(a.image, b.image))
    .map(({ image }) => image);
}

function byPlace(a: Pick<Remark, 'file' | 'line'>, b: Pick<Remark, 'file' | 'line'>): number {
  return compare(a.file, b.file) || (a.line ?? 0) - (b.line ?? 0);
}

/** By code units, so that the order is the same everywhere. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
