import { byteSizeText } from '../../base/byte-size.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { care, jsonLine, uninterrupted, type CareContext, type JsonOptions } from './care.ts';
import { Table } from './table.ts';
import { timeAgo, shortDigest } from './format.ts';

export interface LsOptions extends JsonOptions {
  /** False: digests in full. */
  readonly trunc?: boolean;
}

/** Lists the images that are held, or those that match. */
export function ls(pattern: string | undefined, options: LsOptions, context: CareContext): Promise<ExitCode> {
  const { json = false, trunc = true } = options;
  const { terminal, clock } = context;
  return care(options, context, exitCode.success, async (caretaker) => {
    const now = clock.now();
    const digest = trunc ? shortDigest : (text: string): string => text;
    const table = new Table(
      [
        { title: 'IMAGE' },
        { title: 'DIGEST' },
        { title: 'SIZE', align: 'right' },
        { title: 'HELD' },
        { title: 'LAST USED' },
        { title: 'PINNED' },
      ],
      (text) => terminal.out(text),
    );
    let none = true;
    for await (const image of uninterrupted(caretaker.images({ matching: pattern ?? null }), context)) {
      none = false;
      if (json) terminal.out(jsonLine(image));
      else {
        table.add(
          digest(image.image),
          digest(image.digest),
          byteSizeText(image.bytes),
          image.complete ? 'all' : 'in part',
          timeAgo(image.lastUsedAt, now),
          image.pinnedBy ?? '',
        );
      }
    }
    table.end();
    if (none)
      terminal.err(`entrepot: ${pattern === undefined ? 'nothing' : `nothing like ${pattern}`} is cached\n`);
    return exitCode.success;
  });
}
