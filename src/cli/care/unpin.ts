import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { withServices, type CommandOptions } from '../with-services.ts';

/** Ends pins, by the patterns that they were made with. */
export function unpin(
  patterns: readonly string[],
  options: CommandOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal } = context;
  return withServices(options, context, exitCode.failure, async ({ caretaker }) => {
    let code: ExitCode = exitCode.success;
    for (const pattern of patterns) {
      if (await caretaker.unpin(pattern)) terminal.out(`unpinned ${pattern}\n`);
      else {
        terminal.err(`entrepot: ${pattern} was not pinned\n`);
        code = exitCode.failure;
      }
    }
    return code;
  });
}
