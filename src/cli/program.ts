import { Command, CommanderError } from 'commander';
import { systemClock } from '../base/system-clock.ts';
import { version } from '../base/version.ts';
import { ConfigError } from '../config/config-error.ts';
import { addCare } from './care/register.ts';
import { addConfigFile, configFile, type ConfigOption } from './config-option.ts';
import type { DoctorOptions } from './doctor/doctor.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { addOffline } from './offline/register.ts';
import type { ServeOptions } from './serve.ts';
import { addSetupTls } from './setup-tls/register.ts';
import { addSetup } from './setup/register.ts';
import type { Terminal } from './terminal.ts';
import { addTransfer } from './transfer/register.ts';
import { addWarm } from './warm/register.ts';

/**
 * Runs a command line and resolves to the exit code. Commands are loaded on demand: a health check every few
 * seconds should not load a whole server.
 *
 * @param args without the program's own name
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = exitCode.success;
  const program = new Command('entrepot')
    .description('A pull-through caching mirror for container registries.')
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .addHelpText(
      'after',
      `
Without a file it mirrors Docker Hub and the other well-known public registries, anonymously, on port 5000, and keeps
its data in ./data.
REGISTRY_HTTP_ADDR=:5001 overrides http.addr, and so on for every key.

Examples:
  entrepot serve
  entrepot serve --config /etc/entrepot/config.yml
  entrepot check-config --config /etc/entrepot/config.yml
  entrepot doctor --config /etc/entrepot/config.yml
  entrepot setup docker --config /etc/entrepot/config.yml
  entrepot ls --config /etc/entrepot/config.yml`,
    );
  addConfigFile(program.command('serve'))
    .description('start the mirror')
    .option('--offline', 'ask no upstream: serve what is cached, as the key "offline" does')
    .action(async (file: string | undefined, options: ServeOptions & ConfigOption, command: Command) => {
      const { serve } = await import('./serve.ts');
      code = await serve(configFile(command, file, options), options, terminal);
    });
  addConfigFile(program.command('check-config'))
    .alias('config')
    .description('check a configuration and print what is in force, secrets masked')
    .action(async (file: string | undefined, options: ConfigOption, command: Command) => {
      const { checkConfig } = await import('./check-config.ts');
      code = checkConfig(configFile(command, file, options), terminal);
    });
  addConfigFile(program.command('health'))
    .description('ask the mirror that runs here with this configuration whether it is alive')
    .action(async (file: string | undefined, options: ConfigOption, command: Command) => {
      const { health } = await import('./health.ts');
      code = await health(configFile(command, file, options), terminal);
    });
  addConfigFile(program.command('doctor'))
    .description('look for whatever may keep the mirror from working, and say what to do about it')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExit code 0: at most warnings; 1: problems.')
    .action(async (file: string | undefined, options: DoctorOptions & ConfigOption, command: Command) => {
      const { doctor } = await import('./doctor/doctor.ts');
      code = await doctor({ file: configFile(command, file, options) }, options, terminal, systemClock());
    });
  const done = (result: ExitCode): void => void (code = result);
  addSetupTls(addSetup(program, { terminal, done }), { terminal, done });
  program.commandsGroup('Fill and carry, with or without a running server:');
  addWarm(program, { terminal, done });
  addTransfer(program, { terminal, done });
  program.commandsGroup('Maintenance, with or without a running server:');
  addCare(program, { terminal, done });
  program.commandsGroup('For a running server:');
  addOffline(program, { terminal, done });
  pointToHelp(program, program.name());
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof ConfigError) {
      terminal.err(`${error.message}\n`);
      return exitCode.usage;
    }
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCode.success : exitCode.usage;
  }
}

/** Has errors in a command line name the help of the command that they are in. */
function pointToHelp(command: Command, line: string): void {
  command.showHelpAfterError(`Run "${line} --help" to see what there is.`);
  for (const one of command.commands) pointToHelp(one, `${line} ${one.name()}`);
}
