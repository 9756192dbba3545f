import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { readEnvFile, type Variables } from './env-file.ts';
import type { VariableProblem } from './substitute.ts';

/** The variables that a file is read with: the first layer that has one decides. */
export class Environment {
  readonly #layers: readonly Variables[];

  constructor(layers: readonly Variables[]) {
    this.#layers = layers;
  }

  /** The value of a variable; undefined if it is not set. */
  readonly get = (name: string): string | VariableProblem | undefined => {
    for (const layer of this.#layers) {
      const value = layer.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  };

  /** The same with other variables before those of all layers. */
  under(variables: Variables): Environment {
    return new Environment([variables, ...this.#layers]);
  }

  /**
   * The same with the variables of env files after those of all layers. Later files come before earlier ones.
   * @throws {BadFile}
   */
  withFiles(files: readonly SourceFile[]): Environment {
    const read = new Map<string, string | VariableProblem>();
    for (const file of files) {
      const outer = new Environment([...this.#layers, read]);
      for (const [name, value] of readEnvFile(file, outer.get)) read.set(name, value);
    }
    return new Environment([...this.#layers, read]);
  }

  /** The value of a variable that is set and can be computed. */
  text(name: string): string | undefined {
    const value = this.get(name);
    return typeof value === 'string' ? value : undefined;
  }
}

/**
 * The variables for a project: those given, the process's, and those of the env files, which are the `.env`
 * in its folder if none is
 * named.
 * @throws {BadFile}
 */
export async function projectEnvironment(file: SourceFile, context: ParseContext): Promise<Environment> {
  const given = new Environment([context.environment]);
  if (context.envFiles.length > 0) return given.withFiles(context.envFiles);
  const beside = await context.read('.env', file);
  return beside === undefined ? given : given.withFiles([beside]);
}
