import type { Caretaker } from '../../cache/care/caretaker.ts';
import type { PinListing } from '../../cache/care/schemas.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { withServices, type JsonOptions } from '../with-services.ts';
import { timeAgo } from './format.ts';
import { Table } from './table.ts';

/** Exempts images from eviction by pattern; without any, lists the patterns. */
export function pin(
  patterns: readonly string[],
  options: JsonOptions,
  context: CommandContext,
): Promise<ExitCode> {
  if (patterns.length === 0) return listPins(options, context);
  return withServices(options, context, 'make', async ({ caretaker }) => {
    for (const pattern of patterns) {
      await caretaker.pin(pattern);
      const note = (await isCached(caretaker, pattern)) ? '' : ' (nothing like it is cached)';
      context.terminal.out(`pinned ${pattern}${note}\n`);
    }
    return exitCode.success;
  });
}

/** Makes a mistyped name noticeable. */
async function isCached(caretaker: Caretaker, pattern: string): Promise<boolean> {
  for await (const _ of caretaker.images({ matching: pattern })) return true;
  return false;
}

function listPins(options: JsonOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, clock } = context;
  return withServices(options, context, exitCode.success, async ({ caretaker }) => {
    const now = clock.now();
    const table = new Table<PinListing>(terminal, options.json === true, [
      { title: 'PATTERN', cell: ({ pattern }) => pattern },
      {
        title: 'SINCE',
        cell: ({ createdAt }) => (createdAt === null ? 'in the configuration' : timeAgo(createdAt, now)),
      },
    ]);
    const pins = await caretaker.pins();
    for (const one of pins) table.add(one);
    table.end();
    if (pins.length === 0) terminal.err('entrepot: nothing is pinned\n');
    return exitCode.success;
  });
}
