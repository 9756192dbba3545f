import { platformText, type Platform } from '../../oci/platform.ts';
import { expandWord } from './shell-word.ts';
import { WordError } from './word-error.ts';
import type { GlobalArg } from './stages.ts';

/** What variables of `FROM` are set from. */
export interface VariableSources {
  readonly args: readonly GlobalArg[];
  readonly escape: string;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly platform: Platform;
  /** The name of the stage that is built; undefined: it has none. */
  readonly target: string | undefined;
}

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
 * The variables that `FROM` may use: what BuildKit sets for a platform, then each `ARG` before the first stage, in order.
 * @throws {ArgError}
 */
export function globalVariables(sources: VariableSources): ReadonlyMap<string, string> {
  const { args, escape, buildArgs, platform, target } = sources;
  const variables = new Map(
    Object.entries({
      ...platformVariables('BUILD', platform),
      ...platformVariables('TARGET', platform),
      TARGETSTAGE: target ?? 'default',
    }).map(([name, value]) => [name, buildArgs.get(name) ?? value]),
  );
  for (const arg of args) {
    const value = buildArgs.get(arg.name) ?? defaultOf(arg, escape, variables);
    if (value !== undefined) variables.set(arg.name, value);
  }
  return variables;
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

function defaultOf(
  arg: GlobalArg,
  escape: string,
  variables: ReadonlyMap<string, string>,
): string | undefined {
  if (arg.value === undefined) return undefined;
  try {
    return expandWord(arg.value, { escape, lookup: (name) => variables.get(name) }).text;
  } catch (error) {
    throw error instanceof WordError ? new ArgError(arg, error) : error;
  }
}
