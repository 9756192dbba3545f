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

  /** About a variable that is no key of the configuration. */
  addVariable(variable: string, message: string): void {
    this.#problems.push({ origin: { variable }, key: '', message });
  }

  /** @throws ConfigError with every problem, in the order of the file's lines, then by variable */
  throwIfAny(): void {
    if (this.#problems.length === 0) return;
    throw new ConfigError(
      this.#problems.toSorted((one, other) => compare(place(one.origin), place(other.origin))),
    );
  }
}

type Place = readonly [line: number, column: number];

function place(origin: Origin | undefined): Place {
  if (origin === undefined) return [0, 0];
  return 'line' in origin ? [origin.line, origin.column] : [Number.MAX_SAFE_INTEGER, 0];
}

function compare([line, column]: Place, [otherLine, otherColumn]: Place): number {
  return line === otherLine ? column - otherColumn : line - otherLine;
}
