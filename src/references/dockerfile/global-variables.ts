import { platformText, type Platform } from '../../oci/platform.ts';
import { expandWord } from './shell-word.ts';
import { WordError, type UnknownValue } from './word-error.ts';
import type { GlobalArg } from './stages.ts';

/** What variables of `FROM` are set from. */
export interface VariableSources {
  readonly args: readonly GlobalArg[];
  readonly escape: string;
  readonly buildArgs: ReadonlyMap<string, string>;
  /** Build arguments that are given, but with what is not known. */
  readonly unknownArgs: ReadonlyMap<string, UnknownValue>;
  /** What builds. */
  readonly machine: Platform;
  /** What is built for. */
  readonly platform: Platform;
  /** The name of the stage that is built; undefined: it has none. */
  readonly target: string | undefined;
}

/** Values of variables, or why they are not known. */
export type Variables = ReadonlyMap<string, string | WordError>;

/** A default of an `ARG` that cannot be expanded. */
export class ArgError extends Error {
  override readonly name = 'ArgError';
  readonly arg: GlobalArg;
  override readonly cause: WordError;

  constructor(arg: GlobalArg, cause: WordError) {
    super(cause.message);
    this.arg = arg;
    this.cause = cause;
  }
}

/**
 * The variables that `FROM` may use: what BuildKit sets for a platform, then each `ARG` before the first
 * stage, in order.
 * @throws {ArgError}
 */
export function globalVariables(sources: VariableSources): Variables {
  const { args, escape, buildArgs, unknownArgs, machine, platform, target } = sources;
  const variables = new Map<string, string | WordError>(
    Object.entries({
      ...platformVariables('BUILD', machine),
      ...platformVariables('TARGET', platform),
      TARGETSTAGE: target ?? 'default',
    }).map(([name, value]) => [name, buildArgs.get(name) ?? value]),
  );
  for (const arg of args) {
    const unknown = unknownArgs.get(arg.name);
    const given = unknown === undefined ? undefined : new WordError(unknown.problem, { unknown });
    const value = given ?? buildArgs.get(arg.name) ?? defaultOf(arg, escape, variables);
    if (value !== undefined) variables.set(arg.name, value);
  }
  return variables;
}

/**
 * The value of a variable; undefined for one that is not set.
 * @throws {WordError} for one whose value is not known
 */
export function valueOf(variables: Variables, name: string): string | undefined {
  const value = variables.get(name);
  if (value instanceof WordError) throw value;
  return value;
}

function platformVariables(prefix: 'BUILD' | 'TARGET', platform: Platform): Readonly<Record<string, string>> {
  return {
    [`${prefix}PLATFORM`]: platformText(platform),
    [`${prefix}OS`]: platform.os,
    [`${prefix}OSVERSION`]: '',
    [`${prefix}ARCH`]: platform.architecture,
    [`${prefix}VARIANT`]: platform.variant ?? '',
  };
}

function defaultOf(arg: GlobalArg, escape: string, variables: Variables): string | WordError | undefined {
  if (arg.value === undefined) return undefined;
  try {
    return expandWord(arg.value, { escape, lookup: (name) => valueOf(variables, name) }).text;
  } catch (error) {
    if (!(error instanceof WordError)) throw error;
    // What is made of an unknown value is unknown, and may not be needed.
    if (error.unknown !== undefined) return error;
    throw new ArgError(arg, error);
  }
}
