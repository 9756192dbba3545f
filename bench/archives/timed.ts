import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parsePeakMemory } from '../process-tree.ts';

/** What a command took. */
export interface Timing {
  /** From its start to its end. */
  readonly seconds: number;
  /** Its peak resident set, in bytes. */
  readonly memory: number;
}

/** Milliseconds between two looks at its memory. */
const lookMs = 50;

/** Runs a command to its end. Rejects when it fails, with what it printed to standard error. */
export async function timed([program, ...args]: readonly [string, ...string[]]): Promise<Timing> {
  const startedAt = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => void (printed += chunk.toString()));
  const ended = once(child, 'exit');
  let memory = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid ?? 0}/status`, 'utf8').catch(() => '');
    memory = Math.max(memory, parsePeakMemory(status));
    await Promise.race([ended, sleep(lookMs)]);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  if (child.exitCode !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${printed.trim()}`);
  return { seconds, memory };
}
