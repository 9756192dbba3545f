import { mkdir, rm, rmdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { errnoOf } from '../../../store/file-error.ts';
import { syncFolder } from '../../../store/folder.ts';
import { OwnerError, StagedFile } from '../../staged-file.ts';
import { SetupError } from '../../setup-error.ts';
import { Lock } from './lock.ts';
import { backupOf, changes, type FilePlan, type Plan } from './plan.ts';
import { formatRecord } from './record.ts';
import { readText, type Root } from './root.ts';

/**
 * Brings the files into the state of a plan. Everything is staged first, so that a failure changes nothing;
 * then backups, record and files are put in place, each in one step. After a crash the next apply or undo
 * completes it.
 *
 * @param makePlan is called again once no other setup writes
 * @returns what was done
 * @throws SetupError
 */
export async function applyPlan(makePlan: () => Promise<Plan>, root: Root): Promise<Plan> {
  const { record } = await makePlan();
  const made: string[] = [];
  try {
    made.push(...(await makeFolder(dirname(record))));
    const plan = await withLock(`${record}.lock`, async () => {
      const current = await makePlan();
      for (const { target, after } of current.files) {
        if (after !== undefined) made.push(...(await makeFolder(dirname(target))));
      }
      const folders = new Set([...current.folders, ...made.map((folder) => root.nameOf(folder))]);
      await execute(current, [...folders]);
      return current;
    });
    if (plan.files.every(({ recorded }) => recorded === undefined)) {
      made.push(...(await Array.fromAsync(plan.folders, async (folder) => root.locate(folder))));
      await removeEmpty(made);
    }
    return plan;
  } catch (error) {
    await removeEmpty(made);
    throw explain(error);
  }
}

async function withLock<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  await using _lock = await Lock.take(file);
  return await work();
}

async function execute(plan: Plan, folders: readonly string[]): Promise<void> {
  const { files, record } = plan;
  const recorded = files.flatMap((file) => file.recorded ?? []);
  const changed = changes(plan);
  await using stack = new AsyncDisposableStack();
  const stage = async (target: string, text: string, like: string): Promise<StagedFile> =>
    stack.use(await StagedFile.write(target, text, 0o644, like));

  const backups = new Map<string, StagedFile>();
  for (const { target, before, backup, recorded: kept } of changed) {
    if (before === undefined || backup !== undefined || (kept?.backup ?? null) === null) continue;
    backups.set(backupOf(target), await stage(backupOf(target), before, target));
  }
  const newRecord =
    recorded.length === 0
      ? undefined
      : await stage(record, formatRecord({ version: 1, files: recorded, folders: [...folders] }), record);
  const texts = new Map<FilePlan, StagedFile>();
  for (const file of changed) {
    if (file.after !== undefined) texts.set(file, await stage(file.target, file.after, file.target));
  }

  for (const [target, backup] of backups) await backup.add(target);
  await newRecord?.replace(record);
  await syncFolder(dirname(record));
  for (const file of changed) await put(file, texts.get(file));
  if (newRecord === undefined) await rm(record, { force: true });
  for (const { target, backup, recorded: kept } of files) {
    if (kept === undefined && backup !== undefined) await rm(backupOf(target), { force: true });
  }
}

async function put({ target, before }: FilePlan, text: StagedFile | undefined): Promise<void> {
  if ((await readText(target)) !== before) {
    throw new SetupError(`${target} was changed by another program meanwhile: try again`);
  }
  if (text === undefined) await rm(target, { force: true });
  else await text.replace(target);
  await syncFolder(dirname(target));
}

/** @returns the folders that had to be made */
async function makeFolder(folder: string): Promise<readonly string[]> {
  const outermost = await mkdir(folder, { recursive: true });
  if (outermost === undefined) return [];
  const made = [folder];
  for (let at = folder; at !== outermost; at = dirname(at)) made.push(dirname(at));
  return made;
}

/** Removes the empty ones, the innermost first. */
async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders.toSorted((a, b) => b.length - a.length)) {
    // One that is not empty holds files of others by now, and stays.
    await rmdir(folder).catch(() => undefined);
  }
}

function explain(error: unknown): unknown {
  if (error instanceof OwnerError) {
    return new SetupError(`${error.message}, which this user cannot preserve: run it as root`, {
      cause: error,
    });
  }
  const errno = errnoOf(error);
  if (errno === undefined || !(error instanceof Error)) return error;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : '';
  // The names of staged files and locks mean nothing to the operator: their folder is named instead.
  const place = basename(path).startsWith('.') || path.endsWith('.lock') ? dirname(path) : path;
  const reason = reasons[errno] ?? `cannot be written (${errno})`;
  return new SetupError(`${place} ${reason}`, { cause: error });
}

const notPermitted = 'may not be written by this user: run it as root';
const reasons: Readonly<Record<string, string>> = {
  EACCES: notPermitted,
  EPERM: notPermitted,
  EROFS: 'is on a read-only file system',
  ENOSPC: 'is on a disk that is full',
};
