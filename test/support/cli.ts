import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/**
 * The real program, with nothing of this process's `REGISTRY_…` variables. Machines under test are slow: it
 * may take a while.
 */
export function entrepot(
  args: readonly string[],
  cwd: string,
  variables: Readonly<Record<string, string>> = {},
): Child {
  const env = { PATH: process.env['PATH'], ...variables };
  return new Child(process.execPath, [main, ...args], { cwd, env, deadlineMs: 60_000 });
}
