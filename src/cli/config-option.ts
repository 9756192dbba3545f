import type { Command } from 'commander';

/** What every command that reads a configuration takes. */
export interface ConfigOption {
  /** The file; undefined for that of the environment, or none. */
  readonly config?: string;
}

/** Adds `--config FILE`. */
export function addConfigOption(command: Command): Command {
  return command.option(
    '--config <file>',
    'configuration file in YAML, as for registry:2 (default: $REGISTRY_CONFIGURATION_PATH)',
  );
}

/** Adds `--config FILE`, and `FILE` as another way to write it. */
export function addConfigFile(command: Command): Command {
  return addConfigOption(command.argument('[file]', 'the same as --config <file>'));
}

/** The file that was named in either way. Ends the command where it was named in both. */
export function configFile(
  command: Command,
  file: string | undefined,
  { config }: ConfigOption,
): string | undefined {
  if (file === undefined || config === undefined) return file ?? config;
  return command.error(`error: two configuration files, ${file} and --config ${config}: name one`);
}
