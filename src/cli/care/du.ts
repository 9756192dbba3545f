import { byteSizeText } from '../../base/byte-size.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { care, jsonLine, uninterrupted, type CareContext, type JsonOptions } from './care.ts';
import { Table } from './table.ts';

/** Says what each repository takes up on the disk. */
export function du(options: JsonOptions, context: CareContext): Promise<ExitCode> {
  const { terminal } = context;
  return care(options, context, exitCode.success, async (caretaker) => {
    const table = new Table(
      [
        { title: 'REPOSITORY' },
        { title: 'TAGS', align: 'right' },
        { title: 'MANIFESTS', align: 'right' },
        { title: 'UNIQUE', align: 'right' },
        { title: 'SHARED', align: 'right' },
        { title: 'TOTAL', align: 'right' },
      ],
      (text) => terminal.out(text),
    );
    for await (const usage of uninterrupted(caretaker.usage(), context)) {
      if (options.json === true) terminal.out(jsonLine(usage));
      else {
        table.add(
          usage.repository ?? 'all together',
          String(usage.tags),
          String(usage.manifests),
          byteSizeText(usage.uniqueBytes),
          byteSizeText(usage.sharedBytes),
          byteSizeText(usage.bytes),
        );
      }
    }
    table.end();
    return exitCode.success;
  });
}
