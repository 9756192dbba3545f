import type { CommandContext } from '../command-context.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { ImportOptions } from './import.ts';
import type { RegistryImportOptions } from './import-registry.ts';

/** Puts content from elsewhere into the cache: of archives, or of another registry's folder. */
export async function importContent(
  sources: readonly string[],
  options: ImportOptions & RegistryImportOptions,
  stdin: AsyncIterable<Uint8Array>,
  context: CommandContext,
): Promise<ExitCode> {
  const [, kind, folder] = /^(registry):(.+)$/u.exec(sources[0] ?? '') ?? [];
  if (kind === undefined || folder === undefined) {
    const { importArchives } = await import('./import.ts');
    return importArchives(sources, options, stdin, context);
  }
  if (sources.length > 1) {
    context.terminal.err(`entrepot: ${kind}: is imported by a command of its own\n`);
    return exitCode.usage;
  }
  const { importRegistry } = await import('./import-registry.ts');
  return importRegistry(folder, options, context);
}
