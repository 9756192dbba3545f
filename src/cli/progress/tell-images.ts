import { byteSizeText } from '../../base/byte-size.ts';
import type { WarmedImage, WarmEvent } from '../../mirror/warm/schemas.ts';
import { durationText, pluralize, shortDigest } from '../care/format.ts';
import { Table } from '../care/table.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { jsonLine, uninterrupted } from '../with-services.ts';
import { transferProgressOn } from './transfer-progress.ts';

/**
 * Tells what becomes of images: progress on the standard error, and at the end a table; or each event as a
 * line of JSON. Fails when anything of them is missing at the end.
 */
export async function tellImages(
  events: AsyncIterable<WarmEvent>,
  json: boolean,
  context: CommandContext,
): Promise<ExitCode> {
  return json ? printJson(events, context) : show(events, context);
}

async function printJson(events: AsyncIterable<WarmEvent>, context: CommandContext): Promise<ExitCode> {
  let code: ExitCode = exitCode.failure;
  for await (const event of uninterrupted(events, context)) {
    context.terminal.out(jsonLine(event));
    if (event.type === 'report') code = codeOf(event.report.failed);
  }
  return code;
}

async function show(events: AsyncIterable<WarmEvent>, context: CommandContext): Promise<ExitCode> {
  const { terminal, clock } = context;
  const progress = transferProgressOn(terminal, clock);
  const startedAt = clock.monotonic();
  const results = new Map<string, WarmedImage>();
  // Unless there is a report.
  let code: ExitCode = exitCode.failure;
  try {
    for await (const event of uninterrupted(events, context)) {
      switch (event.type) {
        case 'started':
          break;
        case 'resolved':
          if (terminal.bars === undefined) progress.say(describeResolved(event));
          break;
        case 'progress': {
          const underWay = event.progress.underWay.map(({ image, blobs, ...sizes }) => ({
            ...sizes,
            name: image,
            parts: blobs.map(({ digest, ...part }) => ({ ...part, name: digest })),
          }));
          progress.show({ ...event.progress, underWay });
          break;
        }
        case 'image':
          results.set(event.image.image, event.image);
          for (const line of describeFaults(event.image)) progress.say(line);
          break;
        case 'report':
          progress.clear();
          printTable(
            [...results.values()].toSorted((one, other) => (one.image < other.image ? -1 : 1)),
            context,
          );
          terminal.out(describeReport(event.report, clock.monotonic() - startedAt));
          code = codeOf(event.report.failed);
      }
    }
  } finally {
    progress.clear();
  }
  return code;
}

function codeOf(failed: number): ExitCode {
  return failed > 0 ? exitCode.failure : exitCode.success;
}

function describeResolved({
  image,
  blobs,
  totalBytes,
  heldBytes,
}: Extract<WarmEvent, { readonly type: 'resolved' }>): string {
  const sizes = `${byteSizeText(totalBytes)} in ${pluralize(blobs, 'blob')}`;
  return `${image}: ${sizes}, ${byteSizeText(heldBytes)} held already`;
}

function describeFaults({ image, failures, notes }: WarmedImage): readonly string[] {
  return [
    ...failures.map(({ what, reason }) => `${image}: ${what}: ${reason}`),
    ...notes.map((note) => `${image}: note: ${note}`),
  ];
}

function printTable(images: readonly WarmedImage[], { terminal }: CommandContext): void {
  const table = new Table<WarmedImage>(terminal, false, [
    { title: 'IMAGE', cell: ({ image }) => image },
    { title: 'PLATFORMS', cell: ({ platforms }) => platforms.join(' ') },
    { title: 'FETCHED', align: 'right', cell: ({ fetchedBytes }) => byteSizeText(fetchedBytes) },
    { title: 'HELD', align: 'right', cell: ({ heldBytes }) => byteSizeText(heldBytes) },
    { title: 'RESULT', cell: describeResult },
  ]);
  for (const image of images) table.add(image);
  table.end();
}

/** The first failure; all of them were told before. */
function describeResult({ state, failures }: WarmedImage): string {
  const [first, ...others] = failures;
  if (first === undefined) return state;
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  return `${state}: ${shortDigest(first.what)}: ${first.reason}${more}`;
}

function describeReport(
  {
    images,
    failed,
    absent,
    fetchedBytes,
    heldBytes,
  }: Extract<WarmEvent, { readonly type: 'report' }>['report'],
  ms: number,
): string {
  const complete = `${images - failed - absent} of ${pluralize(images, 'image')} complete`;
  const time = durationText(Math.max(1000, ms));
  const fetched = `${byteSizeText(fetchedBytes)} fetched in ${time}`;
  return `${complete}: ${fetched}, ${byteSizeText(heldBytes)} held already\n`;
}
