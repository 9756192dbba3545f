import { archiveInputs, inputName, type ArchiveInput } from '../../archive/read/archive-inputs.ts';
import { ArchiveError } from '../../archive/read/archive-error.ts';
import { byteSizeText } from '../../base/byte-size.ts';
import { CareError } from '../../cache/care/care-error.ts';
import type { ContentSink } from '../../cache/transfer/content-sink.ts';
import { ArchiveImport, type ImportedImage } from '../../cache/transfer/import/archive-import.ts';
import { parseGivenName, type GivenName } from '../../cache/transfer/import/target-names.ts';
import { parsePlatforms, PlatformSyntaxError, type Platforms } from '../../oci/platform.ts';
import { pluralize } from '../care/format.ts';
import { progressOn } from '../care/progress.ts';
import { Table } from '../care/table.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { jsonLine, withServices, type JsonOptions } from '../with-services.ts';

export interface ImportOptions extends JsonOptions {
  readonly as?: string;
  readonly platform?: string;
  readonly pin?: boolean;
}

interface ImportJob {
  readonly inputs: readonly ArchiveInput[];
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly as: GivenName | undefined;
  readonly platforms: Platforms;
  readonly options: ImportOptions;
  readonly context: CommandContext;
}

/** Puts the images of archives into the cache, whichever tool wrote them. */
export async function importArchives(
  files: readonly string[],
  options: ImportOptions,
  stdin: AsyncIterable<Uint8Array>,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal } = context;
  try {
    const as = options.as === undefined ? undefined : parseGivenName(options.as);
    const platforms = parsePlatforms(options.platform ?? 'all');
    const inputs = await archiveInputs(files);
    const job = { inputs, stdin, as, platforms, options, context };
    return await withServices(options, context, 'make', ({ transfer }) => importInto(transfer.sink, job));
  } catch (error) {
    if (!(
      error instanceof CareError ||
      error instanceof PlatformSyntaxError ||
      error instanceof ArchiveError
    )) {
      throw error;
    }
    terminal.err(`entrepot: ${error.message}\n`);
    return error instanceof ArchiveError ? exitCode.failure : exitCode.usage;
  }
}

async function importInto(
  sink: ContentSink,
  { inputs, stdin, as, platforms, options, context }: ImportJob,
): Promise<ExitCode> {
  const { terminal, interrupted } = context;
  const { pin = false, json = false } = options;
  const images: ImportedImage[] = [];
  const progress = progressOn(terminal);
  let done = 0;
  let total = 0;
  const say = (text: string): void => {
    progress.clear();
    terminal.err(text);
  };
  const run = new ArchiveImport({
    sink,
    stdin,
    as,
    platforms,
    pin,
    signal: interrupted,
    onBytes: (bytes) => {
      done += bytes;
      // What comes out of a pipe is not known before.
      const known = total < done ? undefined : total;
      progress.show({ done, total: known, note: `${byteSizeText(done)} read` });
    },
    onExpected: (bytes) => (total += bytes),
    onNote: (file, problem) => say(`note: ${file}: ${problem}\n`),
    onImage: (image) => {
      images.push(image);
      progress.clear();
      if (json) terminal.out(jsonLine(image));
      if (image.made) say(`note: ${madeNote(image)}\n`);
      if (image.outcome.tag === 'kept') say(`note: ${keptNote(image)}\n`);
    },
  });
  let failed = 0;
  try {
    for (const input of inputs) {
      try {
        await run.run(input);
      } catch (error) {
        interrupted.throwIfAborted();
        const isItsOwn =
          error instanceof ArchiveError || (error instanceof CareError && error.kind === 'invalid');
        if (!isItsOwn) throw error;
        failed += 1;
        say(`entrepot: ${describe(error, input)}\n`);
      }
    }
  } finally {
    progress.clear();
    if (!json) report(images, context);
  }
  return failed === 0 ? exitCode.success : exitCode.failure;
}

function describe(error: ArchiveError | CareError, input: ArchiveInput): string {
  return error instanceof ArchiveError ? error.message : `${inputName(input)}: ${error.message}`;
}

function madeNote({ name, digest }: ImportedImage): string {
  return `${name}: the archive has no manifest from a registry; one was made, ${digest}, which no registry knows. It is served until the registry can be asked`;
}

function keptNote({ name, digest }: ImportedImage): string {
  return `${name} stays at what its registry has: an image without a manifest from there does not replace it, and is known as ${digest} only`;
}

const results = {
  none: 'imported',
  new: 'imported',
  same: 'was there',
  moved: 'replaced',
  kept: 'tag kept',
} as const;

function report(images: readonly ImportedImage[], { terminal }: CommandContext): void {
  const table = new Table<ImportedImage>(terminal, false, [
    { title: 'IMAGE', cell: ({ name }) => name },
    { title: 'PLATFORMS', cell: ({ platforms }) => platforms.join(',') || '-' },
    { title: 'SIZE', align: 'right', cell: ({ bytes }) => byteSizeText(bytes) },
    { title: 'NEW', align: 'right', cell: ({ stored }) => byteSizeText(stored) },
    { title: 'RESULT', cell: ({ outcome }) => results[outcome.tag] },
  ]);
  for (const image of images) table.add(image);
  table.end();
  const stored = images.reduce((total, image) => total + image.stored, 0);
  terminal.out(
    `imported ${pluralize(images.length, 'image')}; ${byteSizeText(stored)} were not there before\n`,
  );
}
