import { stat } from 'node:fs/promises';
import { servicesFor } from '../assembly/services.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { CareError } from '../cache/care/care-error.ts';
import { ControlClient } from '../control/control-client.ts';
import { remoteServices } from '../control/remote-services.ts';
import type { ControlServices } from '../control/services.ts';
import { unlessMissing } from '../store/file-error.ts';
import { StoreError } from '../store/store-error.ts';
import { createLogger } from '../telemetry/log.ts';
import type { CommandContext } from './command-context.ts';
import type { ConfigOption } from './config-option.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { describeStartError } from './start-error.ts';

/** What every command that works on a cache takes: the configuration of the mirror whose cache it is. */
export type CommandOptions = ConfigOption;

/** The same for those that can print JSON. */
export interface JsonOptions extends CommandOptions {
  readonly json?: boolean;
}

/**
 * Uses the cache of a configuration, whether its server runs or not, and prints errors.
 *
 * @throws {ConfigError}
 * @param absent the exit code where there is no data folder; `make` for work that makes one
 */
export async function withServices(
  { config: file }: CommandOptions,
  context: CommandContext,
  absent: ExitCode | 'make',
  work: (services: ControlServices) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { config } = loadConfig({ file });
  return telling(config, context, async () => {
    const folder = config.storage.rootdirectory;
    if (absent !== 'make' && (await unlessMissing(stat(folder))) === undefined) {
      context.terminal.err(`entrepot: nothing is cached: there is no folder ${folder}\n`);
      return absent;
    }
    return withOpened(config, context, work);
  });
}

/**
 * Uses the server of a configuration, and prints errors: also if none runs.
 *
 * @throws {ConfigError}
 * @param advice what else can be done where no server runs
 */
export async function withServer(
  { config: file }: CommandOptions,
  context: CommandContext,
  advice: string,
  work: (services: ControlServices) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { config } = loadConfig({ file });
  return telling(config, context, async () => {
    const folder = config.storage.rootdirectory;
    const client = new ControlClient(folder, context.interrupted);
    if (await client.isAnswered()) return work(remoteServices(client));
    context.terminal.err(`entrepot: no server runs on the data folder ${folder}; ${advice}\n`);
    return exitCode.failure;
  });
}

/** Does the work, and tells the user of errors that are to be expected. */
async function telling(
  config: Config,
  { terminal, interrupted }: CommandContext,
  work: () => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await work();
  } catch (error) {
    if (interrupted.aborted) {
      terminal.err('entrepot: interrupted\n');
      return exitCode.failure;
    }
    const reason = describeCareError(error, config);
    if (reason === undefined) throw error;
    terminal.err(`entrepot: ${reason}\n`);
    return error instanceof CareError && error.kind === 'invalid' ? exitCode.usage : exitCode.failure;
  }
}

/** One line on why it could not be done; undefined for an unexpected error. */
function describeCareError(error: unknown, config: Config): string | undefined {
  if (error instanceof CareError) return error.message;
  if (error instanceof StoreError && error.code === 'NOT_WRITABLE') {
    return `cannot write to the data folder ${config.storage.rootdirectory}: run this as the user that Entrepot runs as`;
  }
  return describeStartError(error, config);
}

async function withOpened(
  config: Config,
  { terminal, clock, interrupted }: CommandContext,
  work: (services: ControlServices) => Promise<ExitCode>,
): Promise<ExitCode> {
  // Results go to the standard output: complaints must not come between them.
  const logger = createLogger(
    { level: 'warn', formatter: 'text', fields: {} },
    { write: (line) => terminal.err(line) },
  );
  await using opened = await servicesFor(config, { clock, logger, signal: interrupted });
  return await work(opened.services);
}

/** The items until the user has had enough. Leaving the iteration ends the work behind it. */
export async function* uninterrupted<T>(
  items: AsyncIterable<T>,
  { interrupted }: CommandContext,
): AsyncGenerator<T> {
  for await (const item of items) {
    interrupted.throwIfAborted();
    yield item;
  }
}

/** One line of NDJSON. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
