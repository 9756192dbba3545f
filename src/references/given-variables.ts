import { readEnvFile } from './compose/env-file.ts';
import type { ParseSettings } from './parse-context.ts';

/**
 * The variables that are given besides the files: those of the environment, and then those of `--env-file`.
 * @throws {BadFile}
 */
export function givenVariables({
  environment,
  envFiles,
}: Pick<ParseSettings, 'environment' | 'envFiles'>): ReadonlyMap<string, string> {
  const variables = new Map(environment);
  for (const file of envFiles) {
    for (const [name, value] of readEnvFile(file, (known) => variables.get(known))) {
      if (typeof value === 'string' && !environment.has(name)) variables.set(name, value);
    }
  }
  return variables;
}
