import { byteSizeText } from '../../base/byte-size.ts';
import type { ImageListing } from '../../cache/care/schemas.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { withServices, uninterrupted, type JsonOptions } from '../with-services.ts';
import { shortDigest, timeAgo } from './format.ts';
import { Table } from './table.ts';

export interface LsOptions extends JsonOptions {
  /** False: digests in full. */
  readonly trunc?: boolean;
}

/** Lists cached images, or those that match. */
export function ls(
  pattern: string | undefined,
  options: LsOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { json = false, trunc = true } = options;
  const { terminal, clock } = context;
  return withServices(options, context, exitCode.success, async ({ caretaker }) => {
    const now = clock.now();
    const digestText = trunc ? shortDigest : (text: string): string => text;
    const table = new Table<ImageListing>(terminal, json, [
      { title: 'IMAGE', cell: ({ image }) => digestText(image) },
      { title: 'DIGEST', cell: ({ digest }) => digestText(digest) },
      { title: 'SIZE', align: 'right', cell: ({ bytes }) => byteSizeText(bytes) },
      { title: 'LAYERS', cell: ({ complete }) => (complete ? 'all' : 'in part') },
      { title: 'LAST USED', cell: ({ lastUsedAt }) => timeAgo(lastUsedAt, now) },
      { title: 'PINNED', cell: ({ pinnedBy }) => pinnedBy ?? '' },
    ]);
    let isEmpty = true;
    for await (const image of uninterrupted(caretaker.images({ matching: pattern ?? null }), context)) {
      isEmpty = false;
      table.add(image);
    }
    table.end();
    const what = pattern === undefined ? 'nothing' : `nothing like ${pattern}`;
    if (isEmpty) terminal.err(`entrepot: ${what} is cached\n`);
    return exitCode.success;
  });
}
