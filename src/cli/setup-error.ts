import { exitCode, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/** Why something cannot be set up, as a sentence for the operator. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** The command line asks for something that cannot be; running it again will not help. */
export class SetupUsageError extends SetupError {}

/** Runs a command, and prints a SetupError that ends it. */
export async function printingErrors(terminal: Terminal, command: () => Promise<void>): Promise<ExitCode> {
  try {
    await command();
    return exitCode.success;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    terminal.err(`entrepot: ${error.message}\n`);
    return error instanceof SetupUsageError ? exitCode.usage : exitCode.failure;
  }
}
