import { exitCode, type ExitCode } from '../exit-code.ts';
import { care, type CareContext, type CareOptions } from './care.ts';

/** Ends pins, by the patterns that they were made with. */
export function unpin(
  patterns: readonly string[],
  options: CareOptions,
  context: CareContext,
): Promise<ExitCode> {
  const { terminal } = context;
  return care(options, context, exitCode.failure, async (caretaker) => {
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
