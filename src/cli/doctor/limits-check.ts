import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import process from 'node:process';
import { ok, problem, warning, type Finding } from './check.ts';
import { byteSizeText } from '../../base/byte-size.ts';

/** A client takes two files at a time, its connection and a blob; a fill takes two more. */
const enoughFiles = 4096;
const tooFewFiles = 512;

/** In bytes: a little more than what a stampede has been seen to need. */
const enoughMemory = 256 * 2 ** 20;

/** What the system lets one process have; undefined for what it does not say. */
export interface Limits {
  readonly openFiles: number | undefined;
  /** In bytes; the machine's, or the container's when that is less. */
  readonly memory: number;
}

/** Those of this process, which a mirror started in the same way has, too. */
async function ownLimits(): Promise<Limits> {
  const constrained = process.constrainedMemory();
  return {
    openFiles: await openFileLimit(),
    memory: constrained > 0 ? Math.min(constrained, totalmem()) : totalmem(),
  };
}

/** Not what the shell says: Node raises its soft limit to the hard one when it starts. */
async function openFileLimit(): Promise<number | undefined> {
  try {
    const limits = await readFile('/proc/self/limits', 'utf8');
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
    return soft === undefined ? undefined : soft === 'unlimited' ? Infinity : Number(soft);
  } catch {
    // No Linux.
    return undefined;
  }
}

/** Is there enough memory, and may enough files be open? */
export async function checkLimits(limits: () => Promise<Limits> = ownLimits): Promise<readonly Finding[]> {
  const { openFiles, memory } = await limits();
  return [...judgeFiles(openFiles), judgeMemory(memory)];
}

function judgeFiles(openFiles: number | undefined): readonly Finding[] {
  if (openFiles === undefined) return [];
  const message = openFiles === Infinity ? 'any number of open files' : `${openFiles} open files`;
  if (openFiles >= enoughFiles) return [ok(message)];
  const advice = `raise it to ${enoughFiles} or more: LimitNOFILE= of systemd, ulimit -n, or --ulimit nofile= of docker run`;
  return [openFiles < tooFewFiles ? problem(message, advice) : warning(message, advice)];
}

function judgeMemory(memory: number): Finding {
  const message = `${byteSizeText(memory)} of memory`;
  return memory >= enoughMemory
    ? ok(message)
    : warning(message, `give it ${byteSizeText(enoughMemory)} or more: with many clients it may be killed`);
}
