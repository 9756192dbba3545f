import { basename } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { loadConfig } from '../../config/load.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { readAuthority } from './authority-option.ts';
import { versioned, type ClientName } from './client-names.ts';
import { parseClientVersion, type ClientVersion } from './client-version.ts';
import { guides } from './clients/guides.ts';
import { applyPlan } from './files/apply-plan.ts';
import { backupOf, changes, planFiles, type FilePlan, type Plan } from './files/plan.ts';
import { Root } from './files/root.ts';
import type { Guide } from './guide.ts';
import { installedVersions, type InstalledVersion } from './installed-version.ts';
import { mirrorAddress } from './mirror-address.ts';
import { printCommands, printGuide, printNotes } from './print-guide.ts';
import { printingErrors, SetupUsageError } from '../setup-error.ts';

export interface SetupOptions {
  readonly mirror?: string;
  readonly public?: string;
  readonly upstream?: readonly string[];
  readonly ca?: string;
  readonly clientVersion?: string;
  readonly apply?: boolean;
  readonly undo?: boolean;
  readonly dryRun?: boolean;
  readonly root: string;
}

/** Prints what a client needs to pull through the mirror, writes it, or takes it back. */
export async function setup(
  client: ClientName,
  file: string | undefined,
  options: SetupOptions,
  terminal: Terminal,
  installed: InstalledVersion = installedVersions(),
): Promise<ExitCode> {
  return printingErrors(terminal, () => run(client, file, options, terminal, installed));
}

async function run(
  client: ClientName,
  file: string | undefined,
  options: SetupOptions,
  terminal: Terminal,
  installed: InstalledVersion,
): Promise<void> {
  const { apply = false, undo = false, dryRun = false } = options;
  const { record } = guides[client];
  if (apply && undo) throw new SetupUsageError('--apply and --undo are opposites: choose one');
  if (!apply && !undo && !dryRun) {
    terminal.out(printGuide(await guideOf(client, file, options, givenVersion(options))));
    return;
  }
  if (record === undefined) {
    throw new SetupUsageError(
      `${client} has no file on this machine: put what "entrepot setup ${client}" prints where it says`,
    );
  }
  const root = await Root.open(options.root);
  const guide = undo
    ? undefined
    : await guideOf(client, file, options, await versionOf(client, options, installed));
  const makePlan = async (): Promise<Plan> => planFiles(guide?.files ?? [], record, root);
  const plan = await makePlan();
  if (plan.settled) terminal.out(nothingToDo(undo) + byHand(plan));
  else if (dryRun) terminal.out(changes(plan).map(difference).join('\n') + byHand(plan));
  else terminal.out(report(await applyPlan(makePlan, root), guide));
}

async function guideOf(
  client: ClientName,
  file: string | undefined,
  { mirror, public: open, upstream = [], ca }: SetupOptions,
  version: ClientVersion | undefined,
): Promise<Guide> {
  const { config } = loadConfig({ file });
  return guides[client].guide(
    mirrorAddress(config, {
      mirror,
      public: open,
      upstreams: upstream,
      ca: ca === undefined ? undefined : await readAuthority(ca),
    }),
    version,
  );
}

/** @throws SetupUsageError */
function givenVersion({ clientVersion }: SetupOptions): ClientVersion | undefined {
  if (clientVersion === undefined) return undefined;
  const version = parseClientVersion(clientVersion);
  if (version === undefined)
    throw new SetupUsageError('--client-version wants a version such as 29.1 or 2.2.0');
  return version;
}

/** As given; else that of this machine, if this is the client's. */
async function versionOf(
  client: ClientName,
  options: SetupOptions,
  installed: InstalledVersion,
): Promise<ClientVersion | undefined> {
  const given = givenVersion(options);
  if (given !== undefined || !versioned.has(client) || options.root !== '/') return given;
  return installed(client);
}

function nothingToDo(undo: boolean): string {
  return undo ? 'Nothing to undo.\n' : 'Already set up; nothing was written.\n';
}

function difference({ target, before, after }: FilePlan): string {
  return createTwoFilesPatch(
    before === undefined ? '/dev/null' : target,
    after === undefined ? '/dev/null' : target,
    before ?? '',
    after ?? '',
    undefined,
    undefined,
    { headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true } },
  );
}

/** What is left to the owners of files. */
function byHand({ files }: Plan): string {
  const lines = files.flatMap(({ target, byHand: what }) =>
    what === undefined ? [] : [`#   ${target}: ${what}\n`],
  );
  return lines.length === 0 ? '' : `\n# By hand, since these files are not Entrepot's:\n${lines.join('')}`;
}

/** @param guide undefined after an undo */
function report(plan: Plan, guide: Guide | undefined): string {
  const lines = changes(plan).map((file) => `${deed(file)}  ${file.target}${backupNote(file)}\n`);
  const then =
    guide === undefined
      ? ['Restart or reload the client, as after --apply.\n']
      : [printCommands(guide.commands ?? []), ...printNotes([guide.decision])];
  return `${lines.join('')}${byHand(plan)}\n${then.join('\n')}`;
}

function deed({ before, after, recorded }: FilePlan): string {
  if (after === undefined) return 'removed ';
  if (before === undefined) return 'created ';
  return recorded === undefined ? 'restored' : 'changed ';
}

function backupNote({ target, before, recorded }: FilePlan): string {
  return before === undefined || recorded === undefined || recorded.backup === null
    ? ''
    : `  (backup: ${basename(backupOf(target))})`;
}
