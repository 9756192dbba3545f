import { resolve } from 'node:path';
import { byteSizeText } from '../../base/byte-size.ts';
import type { ImportCounts, ImportReport } from '../../cache/care/schemas.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { withServices, jsonLine, uninterrupted, type JsonOptions } from '../with-services.ts';
import { progressOn } from '../care/progress.ts';
import { pluralize } from '../care/format.ts';

export interface RegistryImportOptions extends JsonOptions {
  readonly upstream?: string;
}

/** Takes over what another registry stored. */
export async function importRegistry(
  folder: string,
  options: RegistryImportOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { upstream = null, json = false } = options;
  const { terminal } = context;
  return withServices(options, context, 'make', async ({ caretaker }) => {
    const progress = progressOn(terminal);
    try {
      const events = caretaker.importRegistry({ folder: resolve(folder), upstream });
      for await (const event of uninterrupted(events, context)) {
        if (event.type === 'progress') {
          progress.show({ done: event.progress.bytes, total: undefined, note: describe(event.progress) });
          continue;
        }
        progress.clear();
        if (json) terminal.out(jsonLine(event));
        else if (event.type === 'skipped') terminal.out(`skipped ${event.what}: ${event.reason}\n`);
        else terminal.out(describeReport(event.report));
      }
    } finally {
      progress.clear();
    }
    return exitCode.success;
  });
}

function describe({ repositories, tags, blobs, bytes }: ImportCounts): string {
  return `${pluralize(repositories, 'repository', 'repositories')}, ${pluralize(tags, 'tag')}, ${pluralize(blobs, 'blob')} of ${byteSizeText(bytes)}`;
}

function describeReport(report: ImportReport): string {
  const { linked, held, skipped } = report;
  return `took over ${describe(report)}: ${linked} without a copy; ${held} were cached before; ${skipped} skipped\n`;
}
