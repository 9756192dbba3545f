import { byteSizeText } from '../../base/byte-size.ts';
import type { PrunedImage } from '../../cache/care/schemas.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { withServices, uninterrupted, type JsonOptions } from '../with-services.ts';
import { Table } from './table.ts';
import { timeAgo, pluralize, shortDigest } from './format.ts';

export interface PruneCommandOptions extends JsonOptions {
  /** Bytes. */
  readonly to?: number;
  /** Milliseconds. */
  readonly unused?: number;
  readonly dryRun?: boolean;
}

/** Removes the least recently used images. */
export async function prune(options: PruneCommandOptions, context: CommandContext): Promise<ExitCode> {
  const { to, unused, dryRun = false, json = false } = options;
  const { terminal, clock } = context;
  if (to === undefined && unused === undefined) {
    terminal.err('entrepot: say what is to go: --to 20GiB, --unused 30d, or both\n');
    return exitCode.usage;
  }
  return withServices(options, context, exitCode.success, async ({ caretaker }) => {
    const now = clock.now();
    const table = new Table<PrunedImage>(terminal, json, [
      { title: 'IMAGE', cell: ({ image, digest }) => image ?? `${shortDigest(digest)}, a blob of no image` },
      { title: 'FREED', align: 'right', cell: (removed) => byteSizeText(removed.bytes) },
      { title: 'LAST USED', cell: ({ lastUsedAt }) => timeAgo(lastUsedAt, now) },
    ]);
    let images = 0;
    let loose = 0;
    let bytes = 0;
    const going = caretaker.prune({ toBytes: to ?? null, unusedMs: unused ?? null, dryRun });
    try {
      for await (const gone of uninterrupted(going, context)) {
        if (gone.image === null) loose += 1;
        else images += 1;
        bytes += gone.bytes;
        table.add(gone);
      }
    } finally {
      // Also after an error.
      table.end();
      const total =
        pluralize(images, 'image') + (loose === 0 ? '' : ` and ${pluralize(loose, 'blob')} of no image`);
      const verb = dryRun ? 'would be freed' : 'freed';
      if (!json) terminal.out(`${total}, ${byteSizeText(bytes)} ${verb}\n`);
    }
    return exitCode.success;
  });
}
