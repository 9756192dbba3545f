import { byteSizeText } from '../../base/byte-size.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { care, jsonLine, uninterrupted, type CareContext, type JsonOptions } from './care.ts';
import { Table } from './table.ts';
import { timeAgo, pluralize, shortDigest } from './format.ts';

export interface PruneCommandOptions extends JsonOptions {
  /** Bytes. */
  readonly to?: number;
  /** Milliseconds. */
  readonly unused?: number;
  readonly dryRun?: boolean;
}

/** Removes what was not used for longest. */
export async function prune(options: PruneCommandOptions, context: CareContext): Promise<ExitCode> {
  const { to, unused, dryRun = false, json = false } = options;
  const { terminal, clock } = context;
  if (to === undefined && unused === undefined) {
    terminal.err('entrepot: say what is to go: --to 20GiB, --unused 30d, or both\n');
    return exitCode.usage;
  }
  return care(options, context, exitCode.success, async (caretaker) => {
    const now = clock.now();
    const table = new Table(
      [{ title: 'IMAGE' }, { title: 'FREED', align: 'right' }, { title: 'LAST USED' }],
      (text) => terminal.out(text),
    );
    let images = 0;
    let loose = 0;
    let bytes = 0;
    const going = caretaker.prune({ toBytes: to ?? null, unusedMs: unused ?? null, dryRun });
    try {
      for await (const gone of uninterrupted(going, context)) {
        if (gone.image === null) loose += 1;
        else images += 1;
        bytes += gone.bytes;
        if (json) terminal.out(jsonLine(gone));
        else
          table.add(
            gone.image ?? `${shortDigest(gone.digest)}, a blob of no image`,
            byteSizeText(gone.bytes),
            timeAgo(gone.lastUsedAt, now),
          );
      }
    } finally {
      // Also what went before an error came.
      table.end();
      const total =
        pluralize(images, 'image') + (loose === 0 ? '' : ` and ${pluralize(loose, 'blob')} of no image`);
      const verb = dryRun ? 'would be freed' : 'freed';
      if (!json) terminal.out(`${total}, ${byteSizeText(bytes)} ${verb}\n`);
    }
    return exitCode.success;
  });
}
