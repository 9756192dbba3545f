import { spawn, type ChildProcess } from 'node:child_process';
import { DeadlineError, within } from './deadline.ts';

export interface ChildOptions {
  readonly cwd?: string;
  /** Replaces the environment of this process if given. */
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds that any single wait may take; 60,000 if not given. */
  readonly deadlineMs?: number;
}

/** How a process ended: by itself with a code, or by a signal. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process under test: its output, its end, and a sure way to be rid of it. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #command: string;
  readonly #deadlineMs: number;
  readonly #exit: Promise<ChildExit>;
  readonly #listeners = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #ended = false;

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    this.#command = [command, ...args].join(' ');
    this.#deadlineMs = options.deadlineMs ?? 60_000;
    this.#process = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#notify();
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#notify();
    });
    const { promise, resolve } = Promise.withResolvers<ChildExit>();
    this.#exit = promise;
    const end = (exit: ChildExit): void => {
      this.#ended = true;
      resolve(exit);
      this.#notify();
    };
    this.#process.once('close', (code, signal) => end({ code, signal }));
    this.#process.once('error', (error) => {
      this.#stderr += `${error.message}\n`;
      end({ code: null, signal: null });
    });
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`${this.#command} did not start: ${this.#stderr}`);
    return pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Both streams, one after the other. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  /** Whether it is still there. */
  get running(): boolean {
    return !this.#ended;
  }

  /**
   * Resolves to the first match in what it has written or will write; rejects when it ends without, or after
   * the deadline, with all its output in the message.
   */
  async waitFor(pattern: RegExp, ms = this.#deadlineMs): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = (): void => {
      const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
      if (match !== null) resolve(match);
      else if (this.#ended)
        reject(new Error(`${this.#command} ended without ${String(pattern)}:\n${this.output}`));
    };
    this.#listeners.add(look);
    look();
    try {
      return await within(ms, `${String(pattern)} from ${this.#command}`, promise);
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      throw new DeadlineError(`${error.message}; its output:\n${this.output}`, { cause: error });
    } finally {
      this.#listeners.delete(look);
    }
  }

  /** Sends a signal and does not wait. */
  kill(signal: NodeJS.Signals): void {
    if (this.running) this.#process.kill(signal);
  }

  /** Resolves when it has ended and all its output is read. */
  async exited(ms = this.#deadlineMs): Promise<ChildExit> {
    return within(ms, `the end of ${this.#command}`, this.#exit);
  }

  /** Asks it to end, makes it end after two seconds, and resolves when it has. */
  async stop(): Promise<ChildExit> {
    this.kill('SIGTERM');
    try {
      return await this.exited(2000);
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      this.kill('SIGKILL');
      return this.exited();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
