import { describeConfig } from '../config/describe.ts';
import { loadConfig } from '../config/load.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/** Says what is wrong with a configuration, or prints all of it as it would be in force. Starts nothing. */
export function checkConfig(file: string | undefined, terminal: Terminal): ExitCode {
  const { config, warnings } = loadConfig({ file });
  for (const warning of warnings) terminal.err(`warning: ${warning}\n`);
  terminal.out(describeConfig(config));
  return exitCode.success;
}
