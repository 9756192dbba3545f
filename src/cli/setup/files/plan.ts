import { dirname, relative, sep } from 'node:path';
import { SetupError } from '../../setup-error.ts';
import { removeBlock } from './block.ts';
import { FileConflict, type Rest } from './edited.ts';
import { removeFromLists } from './json-lists.ts';
import { addTo, isTaken, type LocalFile } from './local-file.ts';
import { hashOf, parseRecord, type RecordedFile } from './record.ts';
import { readText, type Root } from './root.ts';
import { removeYamlEntries } from './yaml-entries.ts';

/** What becomes of one file. */
export interface FilePlan {
  /** Where it really is. */
  readonly target: string;
  /** Undefined: there is no file. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Text of the backup that is beside it, if that is one of ours. */
  readonly backup: string | undefined;
  /** What to remember; undefined when nothing of Entrepot's is in it afterwards. */
  readonly recorded: RecordedFile | undefined;
  /** What its owner has to do, since the file is not Entrepot's. */
  readonly byHand?: string | undefined;
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
 * Looks at all files and decides; writes nothing. What an earlier run added is removed first, also from files
 * that are no longer wanted.
 *
 * @param wanted none, to take everything back
 * @throws SetupError
 */
export async function planFiles(wanted: readonly LocalFile[], recordPath: string, root: Root): Promise<Plan> {
  const record = await root.locate(recordPath);
  const text = await readText(record);
  const { files, folders } = parseRecord(record, text);
  const outside = files.find(({ path }) => !isBelow(dirname(recordPath), path));
  if (outside !== undefined) {
    throw new SetupError(
      `${record} speaks of ${outside.path}, which is not a file of this client: another program has written it; remove it`,
    );
  }
  const paths = new Set([...wanted, ...files].map(({ path }) => path));
  const plans = await Array.fromAsync(paths, async (path) => {
    const isThis = (file: { readonly path: string }): boolean => file.path === path;
    return planFile(await root.locate(path), wanted.find(isThis), files.find(isThis));
  });
  const recorded = plans.flatMap((plan) => plan.recorded ?? []);
  const settled =
    plans.every(({ before, after }) => before === after) &&
    JSON.stringify(recorded) === JSON.stringify(files) &&
    (text === undefined) === (recorded.length === 0);
  return { files: plans, folders, record, settled };
}

/** A record may have come with the sources of a project: it is not followed out of its folder. */
function isBelow(folder: string, path: string): boolean {
  const [first] = relative(folder, path).split(sep);
  return first !== '..' && first !== '';
}

/** The copy of a file as it was before Entrepot first changed it. */
export function backupOf(target: string): string {
  return `${target}.entrepot-backup`;
}

async function planFile(
  target: string,
  wanted: LocalFile | undefined,
  recorded: RecordedFile | undefined,
): Promise<FilePlan> {
  const before = await readText(target);
  const beside = await readText(backupOf(target));
  const backup = beside !== undefined && recorded?.backup === hashOf(beside) ? beside : undefined;
  const plan = { target, before, backup };
  try {
    const byHand = wanted?.kind === 'json' ? undefined : wanted?.byHand;
    const isTheirs = byHand !== undefined && recorded?.kind === 'whole' && isChanged(before, recorded);
    const base = recorded === undefined || isTheirs ? before : withoutOurs(before, recorded, backup);
    if (wanted === undefined) return { ...plan, after: base, recorded: undefined };
    const { path, kind } = wanted;
    if (byHand !== undefined && before !== undefined && isTaken(wanted, base)) {
      return { ...plan, after: before, recorded, byHand: byHand(before) };
    }
    const { text: after, added } = addTo(wanted, base);
    if (after === base) return { ...plan, after, recorded: undefined };
    const hashes = { base: hashOrNull(base), backup: hashOrNull(backup ?? base), written: hashOf(after) };
    return { ...plan, after, recorded: { path, kind, ...hashes, added: [...added] } };
  } catch (error) {
    if (!(error instanceof FileConflict)) throw error;
    throw new SetupError(`${target} ${error.message}; nothing has been written`, { cause: error });
  }
}

/** Whether others have changed a file since it was written. */
function isChanged(text: string | undefined, { base, written }: RecordedFile): boolean {
  return text !== undefined && ![base, written].includes(hashOf(text));
}

function hashOrNull(text: string | undefined): string | null {
  return text === undefined ? null : hashOf(text);
}

/** The file as it would be had Entrepot never changed it. */
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
  return rest.empty && recorded.base === null ? undefined : rest.text;
}

function takeBack(text: string, { kind, added }: RecordedFile): Rest {
  switch (kind) {
    case 'json':
      return removeFromLists(text, added);
    case 'yaml':
      return removeYamlEntries(text, added);
    case 'block':
      return removeBlock(text);
    case 'whole':
      throw new FileConflict('has been changed since it was written: remove it if it is not needed');
  }
}
