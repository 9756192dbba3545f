import { startEntrepot, type RunningEntrepot } from '../assembly/server.ts';
import { loadClients } from '../assembly/upstreams.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { keepHeapSmall } from '../base/heap.ts';
import { systemClock } from '../base/system-clock.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { describeStartError } from './start-error.ts';
import { startMessage, summarize } from './start-message.ts';
import { StopSignal } from './stop-signal.ts';
import type { Terminal } from './terminal.ts';

/** Milliseconds from a start, in which those who waited for it are answered from the cache. */
const loadClientsAfterMs = 100;

export interface ServeOptions {
  readonly offline?: boolean;
}

/** Runs the mirror until a signal asks it to stop. Resolves when all is closed. */
export async function serve(
  file: string | undefined,
  { offline = false }: ServeOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { config: configured, warnings } = loadConfig({ file });
  const config = offline ? { ...configured, offline } : configured;
  const logger = createLogger(config.log);
  const stop = new StopSignal(process);
  exitOnSurprise(logger);
  // Before anything is opened: without a handler, a signal would end the process at once.
  let reload = (): Promise<void> => Promise.resolve();
  process.on('SIGHUP', () => void reload());

  keepHeapSmall();
  const entrepot = await start(config, logger, terminal);
  if (entrepot === undefined) return exitCode.failure;
  reload = () => entrepot.reload();
  const summary = summarize(config, entrepot);
  if (config.log.formatter === 'text' || terminal.interactive) terminal.out(startMessage(summary));
  else logger.info(summary, 'ready');
  for (const warning of warnings) logger.warn(warning);
  setTimeout(() => {
    loadClients().catch((error: unknown) => {
      logger.error({ err: error }, 'what asks upstreams could not be loaded: nothing can be fetched');
    });
  }, loadClientsAfterMs).unref();

  const signal = await stop.received;
  logger.info({ signal }, 'stopping; a second signal stops at once');
  await entrepot[Symbol.asyncDispose]();
  logger.info('stopped');
  return exitCode.success;
}

/** Undefined when it could not start and the operator has been told why. */
async function start(
  config: Config,
  logger: Logger,
  terminal: Terminal,
): Promise<RunningEntrepot | undefined> {
  try {
    return await startEntrepot(config, { logger, clock: systemClock() });
  } catch (error) {
    const reason = describeStartError(error, config);
    if (reason === undefined) logger.fatal({ err: error }, 'could not start');
    else terminal.err(`entrepot: ${reason}\n`);
    return undefined;
  }
}

/** After an uncaught error the state of the process is unknown, so it ends; a supervisor starts it again. */
function exitOnSurprise(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception');
    process.exit(exitCode.failure);
  });
  process.on('unhandledRejection', (reason) => {
    logger.fatal({ err: reason }, 'unhandled promise rejection');
    process.exit(exitCode.failure);
  });
}
