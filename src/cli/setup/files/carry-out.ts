import { mkdir, rm, rmdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { syncFolder } from '../../../store/folder.ts';
import { SetupError } from '../setup-error.ts';
import { Lock } from './lock.ts';
import { backupOf, changes, type FilePlan, type Plan } from './plan.ts';
import { formatRecord } from './record.ts';
import { readText, type Root } from './root.ts';
import { StagedFile } from './staged-file.ts';

/**
 * Brings the files into the state of a plan. Everything is written beside its place first, so that what cannot be done
 * changes nothing; then backups, record and files are put in place, each in one step. Cut off at any point, the next
 * apply or undo takes up what it finds.
 *
 * @param look makes the plan; asked again once nobody else writes
 * @returns what was done
 * @throws SetupError
 */
export async function carryOut(look: () => Promise<Plan>, root: Root): Promise<Plan> {
  const { record } = await look();
  const made: string[] = [];
  try {
    made.push(...(await makeFolder(dirname(record))));
    const plan = await lockedFor(record, async () => {
      const current = await look();
      for (const { target, after } of current.files) {
        if (after !== undefined) made.push(...(await makeFolder(dirname(target))));
      }
      const folders = new Set([...current.folders, ...made.map((folder) => root.nameOf(folder))]);
      await execute(current, [...folders]);
      return current;
    });
    if (!plan.files.some(({ recorded }) => recorded !== undefined)) {
      made.push(...(await Promise.all(plan.folders.map(async (folder) => root.locate(folder)))));
      await removeEmpty(made);
    }
    return plan;
  } catch (error) {
    await removeEmpty(made);
    throw explained(error);
  }
}

async function lockedFor<Result>(record: string, work: () => Promise<Result>): Promise<Result> {
  await using _lock = await Lock.take(`${record}.lock`);
  return await work();
}

async function execute(plan: Plan, folders: readonly string[]): Promise<void> {
  const { files, record } = plan;
  const recorded = files.flatMap((file) => file.recorded ?? []);
  const changed = changes(plan);
  await using stack = new AsyncDisposableStack();
  const stage = async (target: string, text: string, like: string): Promise<StagedFile> =>
    stack.use(await StagedFile.write(target, text, like));

  const backups: { staged: StagedFile; target: string }[] = [];
  for (const { target, before, backup, recorded: kept } of changed) {
    if (before === undefined || backup !== undefined || kept === undefined || kept.backup === null) continue;
    backups.push({ staged: await stage(backupOf(target), before, target), target: backupOf(target) });
  }
  const memory =
    recorded.length === 0
      ? undefined
      : await stage(record, formatRecord({ version: 1, files: recorded, folders }), record);
  const texts = new Map<FilePlan, StagedFile>();
  for (const file of changed) {
    if (file.after !== undefined) texts.set(file, await stage(file.target, file.after, file.target));
  }

  for (const { staged, target } of backups) await staged.add(target);
  await memory?.replace(record);
  await syncFolder(dirname(record));
  for (const file of changed) await put(file, texts.get(file));
  if (memory === undefined) await rm(record, { force: true });
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

function explained(error: unknown): unknown {
  if (error instanceof SetupError || !(error instanceof Error && 'code' in error)) return error;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : '';
  // The names of staged files and locks mean nothing to the operator: their folder is named instead.
  const place = basename(path).startsWith('.') || path.endsWith('.lock') ? dirname(path) : path;
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      return new SetupError(`${place} may not be written by this user: run it as root`, { cause: error });
    case 'EROFS':
      return new SetupError(`${place} is on a read-only file system`, { cause: error });
    case 'ENOSPC':
      return new SetupError(`the disk of ${place} is full`, { cause: error });
    default:
      return new SetupError(`${place} cannot be written (${String(error.code)})`, { cause: error });
  }
}
