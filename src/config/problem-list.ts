import { ConfigError, type Origin, type Problem } from './config-error.ts';
import { pathText, type ConfigTree, type Path } from './tree.ts';

/** Gathers what is wrong, so that the operator hears all of it at once. */
export class ProblemList {
  readonly #tree: ConfigTree;
  readonly #problems: Problem[] = [];

  constructor(tree: ConfigTree) {
    this.#tree = tree;
  }

  /** @param message holds no secret */
  add(path: Path, message: string): void {
    this.#problems.push({ origin: this.#tree.origin(path), key: pathText(path), message });
  }

  /** @throws ConfigError with every problem, in the order of the file's lines, then by variable */
  throwIfAny(): void {
    if (this.#problems.length === 0) return;
    throw new ConfigError(this.#problems.toSorted((one, other) => line(one.origin) - line(other.origin)));
  }
}

function line(origin: Origin | undefined): number {
  if (origin === undefined) return 0;
  return 'line' in origin ? origin.line : Number.MAX_SAFE_INTEGER;
}
