import { spawn, type ChildProcess } from 'node:child_process';
import { pause, type Clock } from '../../base/clock.ts';
import { CredentialError, systemCode } from './credential-error.ts';

interface RunOptions {
  /** What it gets on standard input. */
  readonly input: string;
  /** In milliseconds. */
  readonly timeLimitMs: number;
  readonly maxOutputBytes: number;
  readonly clock: Clock;
}

interface RunResult {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  /** Its standard output. Standard error is not read: it may hold secrets. */
  readonly output: string;
}

/**
 * Runs a program, without a shell. Past one of its limits it is killed, with its children.
 * @throws {CredentialError} when it cannot be started, or is past a limit
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { input, timeLimitMs, maxOutputBytes, clock }: RunOptions,
): Promise<RunResult> {
  // A process group, to be killed with its children, which may hold its output open. There are no streams
  // where it could not be started for want of file descriptors.
  const child: ChildProcess = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const chunks: Buffer[] = [];
  let length = 0;
  const stop = (problem: string): void => {
    kill(child);
    reject(new CredentialError(`${program} ${problem}`));
  };
  child.on('error', (error) => {
    reject(new CredentialError(`${program} could not be run (${systemCode(error)})`, { cause: error }));
  });
  child.stdout?.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxOutputBytes) stop(`wrote more than ${maxOutputBytes / 1024} KiB`);
  });
  child.on('close', (code) => {
    resolve({ exitCode: code ?? undefined, output: Buffer.concat(chunks).toString('utf8') });
  });
  // A program need not read what it is given.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);

  const ended = new AbortController();
  void pause(clock, timeLimitMs, ended.signal).then((isOver) => {
    if (isOver) stop(`did not end within ${timeLimitMs / 1000} s`);
  });
  try {
    return await promise;
  } finally {
    ended.abort();
  }
}

function kill({ pid, stdin, stdout }: ChildProcess): void {
  stdin?.destroy();
  stdout?.destroy();
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
