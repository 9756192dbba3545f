import { byteSizeText } from '../../base/byte-size.ts';
import type { UsageListing } from '../../cache/care/schemas.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { withServices, uninterrupted, type JsonOptions } from '../with-services.ts';
import { Table } from './table.ts';

/** Prints what each repository takes up on the disk. */
export function du(options: JsonOptions, context: CommandContext): Promise<ExitCode> {
  return withServices(options, context, exitCode.success, async ({ caretaker }) => {
    const table = new Table<UsageListing>(context.terminal, options.json === true, [
      { title: 'REPOSITORY', cell: ({ repository }) => repository ?? 'all together' },
      { title: 'TAGS', align: 'right', cell: ({ tags }) => String(tags) },
      { title: 'MANIFESTS', align: 'right', cell: ({ manifests }) => String(manifests) },
      { title: 'UNIQUE', align: 'right', cell: ({ uniqueBytes }) => byteSizeText(uniqueBytes) },
      { title: 'SHARED', align: 'right', cell: ({ sharedBytes }) => byteSizeText(sharedBytes) },
      { title: 'TOTAL', align: 'right', cell: ({ bytes }) => byteSizeText(bytes) },
    ]);
    for await (const usage of uninterrupted(caretaker.usage(), context)) table.add(usage);
    table.end();
    return exitCode.success;
  });
}
