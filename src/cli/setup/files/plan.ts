import { dirname, relative, sep } from 'node:path';
import { SetupError } from '../setup-error.ts';
import type { LocalFile } from '../guide.ts';
import { takeBackBlock } from './block-edit.ts';
import { EditConflict, type Rest } from './edit.ts';
import { takeBackJson } from './json-edit.ts';
import { readAgain } from './read-again.ts';
import { hashOf, parseRecord, type RecordedFile } from './record.ts';
import { readText, type Root } from './root.ts';
import { takeBackYaml } from './yaml-edit.ts';

/** What becomes of one file. */
export interface FilePlan {
  /** As the client knows it. */
  readonly path: string;
  /** Where it really is. */
  readonly target: string;
  /** Undefined: there is no file. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Text of the backup that is beside it, if that is one of ours. */
  readonly backup: string | undefined;
  /** What is to be remembered; undefined when nothing of Entrepot's is in it afterwards. */
  readonly recorded: RecordedFile | undefined;
}

export interface Plan {
  readonly files: readonly FilePlan[];
  /** Made by an earlier run, as they are called inside the root. */
  readonly folders: readonly string[];
  /** Where the record is, or would be. */
  readonly record: string;
  /** Neither the files nor the record have to change. */
  readonly settled: boolean;
}

export function changes({ files }: Plan): readonly FilePlan[] {
  return files.filter(({ before, after }) => before !== after);
}

/**
 * Looks at all files and decides; writes nothing. What an earlier run added is taken out first, in files that are no longer
 * wanted as well.
 *
 * @param wanted none, to take everything back
 * @throws SetupError
 */
export async function planFiles(wanted: readonly LocalFile[], recordPath: string, root: Root): Promise<Plan> {
  const record = await root.locate(recordPath);
  const text = await readText(record);
  const { files, folders } = parseRecord(record, text);
  for (const { path } of files) {
    if (isBelow(dirname(recordPath), path)) continue;
    throw new SetupError(
      `${record} speaks of ${path}, which is not a file of this client: another program has written it; remove it`,
    );
  }
  const paths = new Set([...wanted, ...files].map(({ path }) => path));
  const plans = [];
  for (const path of paths) {
    const recorded = files.find((file) => file.path === path);
    plans.push(
      await planFile(
        path,
        wanted.find((file) => file.path === path),
        recorded,
        root,
      ),
    );
  }
  const recorded = plans.flatMap((plan) => plan.recorded ?? []);
  const settled =
    plans.every(({ before, after }) => before === after) &&
    JSON.stringify(recorded) === JSON.stringify(files) &&
    (text === undefined) === (recorded.length === 0);
  return { files: plans, folders, record, settled };
}

/** A record is only as good as its folder, which may have come with somebody's sources: it is not followed out of there. */
function isBelow(folder: string, path: string): boolean {
  const [first] = relative(folder, path).split(sep);
  return first !== '..' && first !== '';
}

/** The copy of a file as it was before Entrepot first touched it. */
export function backupOf(target: string): string {
  return `${target}.entrepot-backup`;
}

async function planFile(
  path: string,
  wanted: LocalFile | undefined,
  recorded: RecordedFile | undefined,
  root: Root,
): Promise<FilePlan> {
  const target = await root.locate(path);
  const before = await readText(target);
  const beside = await readText(backupOf(target));
  const backup = beside !== undefined && recorded?.backup === hashOf(beside) ? beside : undefined;
  try {
    const base = recorded === undefined ? before : withoutOurs(before, recorded, backup);
    if (wanted === undefined) return { path, target, before, after: base, backup, recorded: undefined };
    const { kind } = wanted.edit;
    const { text: after, added } = wanted.edit.apply(base);
    if (after === base) return { path, target, before, after, backup, recorded: undefined };
    const original = backup ?? base;
    return {
      path,
      target,
      before,
      after,
      backup,
      recorded: {
        path,
        kind,
        base: base === undefined ? null : hashOf(base),
        backup: original === undefined ? null : hashOf(original),
        written: hashOf(after),
        added,
      },
    };
  } catch (error) {
    if (!(error instanceof EditConflict)) throw error;
    throw new SetupError(`${target} ${error.message}; nothing has been written`, { cause: error });
  }
}

/** The file as it would be had Entrepot never touched it. */
function withoutOurs(
  text: string | undefined,
  recorded: RecordedFile,
  backup: string | undefined,
): string | undefined {
  if (text === undefined) return undefined;
  const hash = hashOf(text);
  // A run that was cut off before it came to this file.
  if (hash === recorded.base) return text;
  if (hash === recorded.written) {
    if (recorded.base === null) return undefined;
    if (backup !== undefined && hashOf(backup) === recorded.base) return backup;
  }
  const rest = takeBack(text, recorded);
  if (!rest.empty) readAgain(recorded.kind, rest.text);
  return rest.empty && recorded.base === null ? undefined : rest.text;
}

function takeBack(text: string, { kind, added }: RecordedFile): Rest {
  switch (kind) {
    case 'json':
      return takeBackJson(text, added);
    case 'yaml':
      return takeBackYaml(text, added);
    case 'block':
      return takeBackBlock(text);
    case 'whole':
      throw new EditConflict('has been changed since it was written: remove it if it is not needed');
  }
}
