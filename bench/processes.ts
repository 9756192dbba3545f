import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a server may take to end by itself, in milliseconds, before it is killed. */
const stopPatience = 10_000;

/** A command that runs in a process group of its own. */
export interface Service {
  readonly pid: number;
  /** By `performance.now()`. */
  readonly startedAt: number;
  /** Rejects when the process ends before it is stopped. */
  readonly failed: Promise<never>;
  /** Asks it to end and waits; kills the whole group when it does not. */
  stop(): Promise<void>;
}

/**
 * The children of this benchmark. Each leads its own process group, so that a server's workers end with it,
 * whatever becomes of the server.
 */
export class Processes {
  readonly #running = new Set<ChildProcess>();

  /** Starts a server; what it prints goes to the file `log`. */
  serve(command: string, args: readonly string[], log: string): Service {
    const file = openSync(log, 'a');
    const startedAt = performance.now();
    const child = this.#spawn(command, args, ['ignore', file, file]);
    closeSync(file);
    const { pid } = child;
    let stopping = false;
    const failed = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        if (!stopping) reject(new Error(`${command} ended early (${code ?? signal}); see ${log}`));
      });
    });
    failed.catch(() => undefined);
    return {
      pid: pid ?? 0,
      startedAt,
      failed,
      stop: async () => {
        stopping = true;
        if (!this.#running.has(child)) return;
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        const patience = new AbortController();
        await Promise.race([
          ended,
          sleep(stopPatience, undefined, { signal: patience.signal }).catch(() => null),
        ]);
        patience.abort();
        this.#kill(child);
        await ended;
      },
    };
  }

  /** Runs a command to its end and gives what it printed, standard error included. */
  async output(command: string, args: readonly string[]): Promise<string> {
    const child = this.#spawn(command, args, ['ignore', 'pipe', 'pipe']);
    const printed: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => printed.push(chunk));
    await once(child, 'close');
    const text = Buffer.concat(printed).toString();
    if (child.exitCode !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${text.trim()}`);
    return text;
  }

  /** Kills all of them at once. Synchronous, so that it can be the last thing that this process does. */
  killAll(): void {
    for (const child of this.#running) this.#kill(child);
  }

  #spawn(command: string, args: readonly string[], stdio: ('ignore' | 'pipe' | number)[]): ChildProcess {
    const child = spawn(command, args, { stdio, detached: true });
    if (child.pid !== undefined) {
      this.#running.add(child);
      child.once('exit', () => this.#running.delete(child));
    }
    return child;
  }

  #kill(child: ChildProcess): void {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The whole group has ended already.
    }
  }
}
