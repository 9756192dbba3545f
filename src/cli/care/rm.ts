import { byteSizeText } from '../../base/byte-size.ts';
import { careErrorOf } from '../../cache/care/care-error.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { withServices, type CommandOptions } from '../with-services.ts';
import { pluralize } from './format.ts';

/** Removes images one by one; goes on after one that cannot be removed. */
export function rm(
  images: readonly string[],
  options: CommandOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, interrupted } = context;
  return withServices(options, context, exitCode.failure, async ({ caretaker }) => {
    let code: ExitCode = exitCode.success;
    for (const image of images) {
      interrupted.throwIfAborted();
      try {
        const { image: name, manifests, blobs, bytes } = await caretaker.remove(image);
        terminal.out(
          `removed ${name}: ${pluralize(manifests, 'manifest')}, ${pluralize(blobs, 'blob')}, ${byteSizeText(bytes)} freed\n`,
        );
      } catch (error) {
        const reason = careErrorOf(error);
        if (reason === undefined || reason.kind === 'unavailable') throw error;
        terminal.err(`entrepot: ${reason.message}\n`);
        code = exitCode.failure;
      }
    }
    return code;
  });
}
