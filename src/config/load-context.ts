import { resolve } from 'node:path';
import type { Environment } from './environment.ts';
import { assertReadable, FileProblem } from './files.ts';
import type { ProblemList } from './problem-list.ts';
import type { ConfigTree, Path } from './tree.ts';

/** What the readers of sections share: files, environment, problems and warnings. */
export class LoadContext {
  readonly tree: ConfigTree;
  readonly environment: Environment;
  readonly problems: ProblemList;
  /** For the operator, one line each; what is doubtful, but can be used. */
  readonly warnings: string[] = [];
  readonly #directory: string;

  constructor(tree: ConfigTree, environment: Environment, directory: string, problems: ProblemList) {
    this.tree = tree;
    this.environment = environment;
    this.problems = problems;
    this.#directory = directory;
  }

  /** The absolute name of a file. */
  absolute(name: string): string {
    return resolve(this.#directory, name);
  }

  /** What `use` makes of the file that a key names; undefined, with a problem, if it cannot be used. */
  file<Result>(path: Path, name: string, use: (file: string) => Result): Result | undefined {
    const file = this.absolute(name);
    try {
      return use(file);
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      this.problems.add(path, `${file} ${error.message}`);
      return undefined;
    }
  }

  /** The absolute name of the file that a key names; adds a problem if it cannot be read. */
  readable(path: Path, name: string): string {
    this.file(path, name, assertReadable);
    return this.absolute(name);
  }

  /** Warns once, if a file cannot be read; it may come later. */
  warnIfUnreadable(file: string, warning: (problem: string) => string): void {
    try {
      assertReadable(file);
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      const text = warning(`${file} ${error.message}`);
      if (!this.warnings.includes(text)) this.warnings.push(text);
    }
  }

  /** The same, for what may be a folder as well. */
  warnIfAbsent(file: string, warning: (problem: string) => string): void {
    try {
      assertReadable(file, 'or-folder');
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      this.warnings.push(warning(`${file} ${error.message}`));
    }
  }

  /** A variable's text; undefined when it is not set or empty. */
  variable(...names: readonly string[]): string | undefined {
    return names.map((name) => this.environment[name]).find((value) => value !== undefined && value !== '');
  }
}
