import type { Writable } from 'node:stream';
import { byteSizeText } from '../../base/byte-size.ts';
import type { ImageSource } from '../../cache/transfer/image-source.ts';
import { ArchiveError } from '../../archive/read/archive-error.ts';
import { pluralize } from '../care/format.ts';
import { Table } from '../care/table.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { ImageSelectionOptions } from '../image-selection.ts';
import { selectImages, type SelectedImage, type SelectionSources } from '../select-images.ts';
import { jsonLine, withServices, type JsonOptions } from '../with-services.ts';
import type { ByteSink } from './archive-writer.ts';
import { blobsOfBundles } from './earlier-bundles.ts';
import { exportDestination, type ExportDestination } from './export-destination.ts';
import { ExportError, writing } from './export-error.ts';
import { notesOn } from './export-notes.ts';
import type { WantedImage } from './export-plan.ts';
import { ExportRun, type ExportResult } from './export-run.ts';
import { WantedImages } from './wanted-images.ts';

export interface ExportOptions extends ImageSelectionOptions, JsonOptions {
  readonly output: string;
  /** The most bytes of a file. */
  readonly size?: number;
  readonly since?: readonly string[];
  readonly referrers: boolean;
}

/** What the command reads and writes beside its terminal. */
export interface ExportSources extends Omit<SelectionSources, 'terminal'> {
  readonly stdout: Writable & { readonly isTTY?: boolean };
}

interface ExportJob {
  readonly options: ExportOptions;
  readonly destination: ExportDestination;
  readonly stdout: Writable;
  readonly context: CommandContext;
}

/** The most bytes of a file on FAT; 4 GiB is one more. */
const fatFileLimit = 4 * 1024 ** 3 - 1;

/** Parts that are smaller would be too many. */
const minPartLength = 1024 * 1024;

/** Writes images to files that container tools load, and another Entrepot imports. */
export async function exportImages(
  names: readonly string[],
  options: ExportOptions,
  sources: ExportSources,
  given: CommandContext,
): Promise<ExitCode> {
  const { stdout } = sources;
  const err = (text: string): void => given.terminal.err(text);
  const destination = await exportDestination(options.output);
  // The archive has the standard output for itself.
  const context =
    destination?.kind === 'stdout' ? { ...given, terminal: { ...given.terminal, out: err } } : given;
  const problem = problemOf(options, destination, stdout.isTTY === true);
  if (destination === undefined || problem !== undefined) {
    err(`entrepot: ${problem ?? ''}\n`);
    return exitCode.usage;
  }
  const { images, isSound } = await selectImages(names, options, { ...sources, terminal: context.terminal });
  if (!isSound) return exitCode.usage;
  if (options.size === fatFileLimit + 1) {
    err(`note: a file gets at most ${fatFileLimit} bytes, one less than 4 GiB: FAT takes no more\n`);
  }
  const job = { options, destination, stdout, context };
  return withServices(options, context, exitCode.failure, ({ transfer }) =>
    exportFrom(transfer.source, images, job),
  );
}

/** What is wrong with the options. */
function problemOf(
  { output, size }: ExportOptions,
  destination: ExportDestination | undefined,
  isTerminal: boolean,
): string | undefined {
  if (destination === undefined)
    return `-o ${output}: give a folder as ${output}/, or a file as ${output}.tar`;
  if (destination.kind === 'stdout' && isTerminal) return 'an archive is nothing for a terminal: redirect it';
  if (size !== undefined && destination.kind === 'stdout') return '--size is for files, not for -o -';
  if (size !== undefined && size < minPartLength) return '--size: a file gets 1 MiB at least';
  return undefined;
}

async function exportFrom(
  source: ImageSource,
  selected: readonly SelectedImage[],
  { options, destination, stdout, context }: ExportJob,
): Promise<ExitCode> {
  const { terminal, interrupted } = context;
  const { json = false, size = Infinity, since = [], referrers } = options;
  const results: ExportResult[] = [];
  try {
    const earlier = await blobsOfBundles(since);
    const apart = destination.kind === 'folder';
    await using wanted = await WantedImages.open(source, selected, { apart, referrers });
    const run = new ExportRun({
      source,
      terminal,
      clock: context.clock,
      destination,
      earlier,
      signal: interrupted,
      partLength: size === fatFileLimit + 1 ? fatFileLimit : size,
      stdout: sinkOf(stdout),
    });
    for await (const result of run.run(wanted.images)) {
      results.push(result);
      if (result.result === 'failed') terminal.err(describeFailure(result));
      if (json) terminal.out(jsonLine(result));
    }
    for (const note of remarks(results, wanted.images)) terminal.err(`note: ${note}\n`);
    if (!json) report(results, context);
    return results.some(({ result }) => result === 'failed') ? exitCode.failure : exitCode.success;
  } catch (error) {
    if (!(error instanceof ExportError || error instanceof ArchiveError)) throw error;
    terminal.err(`entrepot: ${error.message}\n`);
    return exitCode.failure;
  }
}

/** What users should know of the files. */
function remarks(results: readonly ExportResult[], images: readonly WantedImage[]): readonly string[] {
  const notes = notesOn(images).map((note) => `${note.images.join(', ')} ${note.text}`);
  const partial = new Set(results.filter((result) => result.partial).map(({ file }) => file ?? '-'));
  if (partial.size === 0) return notes;
  return [
    ...notes,
    `${[...partial].join(', ')}: only entrepot import reads this, where what the earlier bundle has is imported first`,
  ];
}

function report(results: readonly ExportResult[], { terminal }: CommandContext): void {
  const table = new Table<ExportResult>(terminal, false, [
    { title: 'IMAGE', cell: ({ image }) => image },
    { title: 'FILE', cell: ({ file }) => file ?? '-' },
    { title: 'FILE SIZE', align: 'right', cell: ({ bytes }) => (bytes === null ? '-' : byteSizeText(bytes)) },
    { title: 'RESULT', cell: ({ result }) => result },
  ]);
  for (const result of results) table.add(result);
  table.end();
  const done = results.filter(({ result }) => result !== 'failed');
  const files = new Map(done.map(({ file, bytes }) => [file, bytes ?? 0]));
  const bytes = [...files.values()].reduce((sum, one) => sum + one, 0);
  const images = pluralize(done.length, 'image');
  terminal.out(`exported ${images} in ${pluralize(files.size, 'file')} of ${byteSizeText(bytes)}\n`);
}

function describeFailure({ image, reasons }: ExportResult): string {
  return `entrepot: ${image} is not exported:\n${reasons.map((reason) => `  ${reason}\n`).join('')}`;
}

function sinkOf(stdout: Writable): ByteSink {
  const write = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  return { write: (bytes) => writing('the standard output', () => write(bytes)) };
}
