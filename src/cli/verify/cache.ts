import { byteSizeText } from '../../base/byte-size.ts';
import type { Finding, VerifyReport } from '../../cache/care/schemas.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { withServices, jsonLine, uninterrupted, type JsonOptions } from '../with-services.ts';
import { progressOn } from '../care/progress.ts';
import { pluralize } from '../care/format.ts';

export interface VerifyCommandOptions extends JsonOptions {
  readonly repair?: boolean;
}

/** Hashes everything and compares files and database; fails when something is lost. */
export function verify(options: VerifyCommandOptions, context: CommandContext): Promise<ExitCode> {
  const { repair = false, json = false } = options;
  const { terminal } = context;
  return withServices(options, context, exitCode.success, async ({ caretaker }) => {
    const progress = progressOn(terminal);
    // Unless there is a report.
    let code: ExitCode = exitCode.failure;
    try {
      for await (const event of uninterrupted(caretaker.verify({ repair }), context)) {
        if (event.type === 'progress') {
          const { blobs, bytes, totalBlobs, totalBytes } = event.progress;
          progress.show({
            done: bytes,
            total: totalBytes,
            note: `${blobs} of ${pluralize(totalBlobs, 'blob')}, ${byteSizeText(bytes)} of ${byteSizeText(totalBytes)}`,
          });
          continue;
        }
        progress.clear();
        if (json) terminal.out(jsonLine(event));
        else if (event.type === 'finding') terminal.out(describeFinding(event.finding));
        else terminal.out(describeReport(event.report, repair));
        if (event.type === 'report') code = event.report.loss ? exitCode.failure : exitCode.success;
      }
    } finally {
      progress.clear();
    }
    return code;
  });
}

function describeFinding({ kind, digest, images, detail, loss, repaired }: Finding): string {
  const lines = [`${kind}: ${detail}${repaired ? ' (repaired)' : loss ? ' (lost)' : ''}`];
  if (digest !== null && !detail.includes(digest)) lines.push(`  ${digest}`);
  if (images.length > 0) lines.push(`  in ${images.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

function describeReport(report: VerifyReport, repair: boolean): string {
  const { blobs, bytes, manifests, tags, findings, loss, repaired } = report;
  const looked = `verified ${pluralize(blobs, 'blob')} of ${byteSizeText(bytes)}, ${pluralize(manifests, 'manifest')} and ${pluralize(tags, 'tag')}`;
  const kinds = Object.entries(findings).map(([kind, count]) => `${count} ${kind}`);
  if (kinds.length === 0) return `${looked}: all is well\n`;
  const found = `${looked}: ${kinds.join(', ')}`;
  if (!repair) return `${found}; to repair: entrepot verify --repair\n`;
  return `${found}; ${repaired} repaired\n${loss ? 'lost content is fetched again when it is next pulled\n' : ''}`;
}
