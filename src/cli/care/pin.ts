import type { Caretaker } from '../../cache/care/caretaker.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { care, jsonLine, type CareContext, type JsonOptions } from './care.ts';
import { Table } from './table.ts';
import { timeAgo } from './format.ts';

/** Exempts images from eviction by pattern; without any, lists the patterns that do. */
export function pin(
  patterns: readonly string[],
  options: JsonOptions,
  context: CareContext,
): Promise<ExitCode> {
  if (patterns.length === 0) return listPins(options, context);
  return care(options, context, 'make', async (caretaker) => {
    for (const pattern of patterns) {
      await caretaker.pin(pattern);
      const note = (await isCached(caretaker, pattern)) ? '' : ' (nothing like it is cached)';
      context.terminal.out(`pinned ${pattern}${note}\n`);
    }
    return exitCode.success;
  });
}

/** So that somebody who wrote another name than they meant notices. */
async function isCached(caretaker: Caretaker, pattern: string): Promise<boolean> {
  for await (const _ of caretaker.images({ matching: pattern })) return true;
  return false;
}

function listPins(options: JsonOptions, context: CareContext): Promise<ExitCode> {
  const { terminal, clock } = context;
  return care(options, context, exitCode.success, async (caretaker) => {
    const pins = await caretaker.pins();
    const table = new Table([{ title: 'PATTERN' }, { title: 'SINCE' }], (text) => terminal.out(text));
    for (const one of pins) {
      if (options.json === true) terminal.out(jsonLine(one));
      else {
        const since = one.createdAt === null ? 'in the configuration' : timeAgo(one.createdAt, clock.now());
        table.add(one.pattern, since);
      }
    }
    table.end();
    if (pins.length === 0) terminal.err('entrepot: nothing is pinned\n');
    return exitCode.success;
  });
}
