import { getOrMake } from '../base/get-or-make.ts';
import type { FileKind } from './file-kind.ts';
import { Findings } from './findings.ts';
import type { Found } from './found-image.ts';
import type { SourceFile } from './source-file.ts';

/** Collects what a parser finds in a file and in others that it reads for it. */
export class FindingsOfFiles {
  readonly #kind: FileKind;
  readonly #files = new Map<SourceFile, Findings>();
  readonly #others: Found[] = [];

  constructor(kind: FileKind) {
    this.#kind = kind;
  }

  of(file: SourceFile): Findings {
    return getOrMake(this.#files, file, () => new Findings(file, this.#kind));
  }

  /** What a file of another kind says that one of these uses. */
  addAll(found: Found): void {
    this.#others.push(found);
  }

  /** Of all files together. */
  found(): Found {
    const found = [...this.#files.values(), ...this.#others];
    return {
      images: found.flatMap(({ images }) => images),
      unresolved: found.flatMap(({ unresolved }) => unresolved),
      notes: found.flatMap(({ notes }) => notes),
      problems: found.flatMap(({ problems }) => problems),
    };
  }
}
