import { execFile } from 'node:child_process';

export interface CommandOptions {
  /** Replaces the environment of this process if given. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Milliseconds until it is killed; two minutes if not given. */
  readonly ms?: number;
}

/**
 * A program that exited with something other than 0, or was killed; its message holds all that it printed.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code = 'COMMAND_FAILED';
}

/**
 * Runs a program to its end, without a shell and without input, and resolves to what it wrote to stdout.
 * @throws CommandError
 */
export async function command(
  program: string,
  args: readonly string[],
  { env = process.env, cwd, ms = 120_000 }: CommandOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd,
      env,
      timeout: ms,
      killSignal: 'SIGKILL',
      maxBuffer: 64 * 1024 * 1024,
    } as const;
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(failure([program, ...args], error, stdout + stderr));
    });
    child.stdin?.end();
  });
}

function failure(
  line: readonly string[],
  cause: Error & { killed?: boolean },
  printed: string,
): CommandError {
  const end = cause.killed === true ? 'was killed, having taken too long' : 'failed';
  return new CommandError(`${line.join(' ')} ${end}:\n${printed}`, { cause });
}
