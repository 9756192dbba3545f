import { Command, CommanderError } from 'commander';
import { systemClock } from '../system-clock.ts';
import { version } from '../version.ts';
import { addCare } from './care/register.ts';
import type { DoctorOptions } from './doctor/doctor.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { addSetupTls } from './setup-tls/register.ts';
import { addSetup } from './setup/register.ts';
import type { Terminal } from './terminal.ts';

const fileHelp = 'configuration file in YAML, as for registry:2 (default: $REGISTRY_CONFIGURATION_PATH)';

/**
 * Runs the command that the arguments spell and resolves to the exit code. Commands are loaded when they are called for: a
 * health check every few seconds should not pay for a whole server.
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
    .showHelpAfterError('Run "entrepot --help" to see what there is.')
    .addHelpText(
      'after',
      `
Without a file it mirrors Docker Hub and the other well-known public registries, anonymously, on port 5000, and keeps
its data in ./data.
REGISTRY_HTTP_ADDR=:5001 overrides http.addr, and so on for every key.

Examples:
  entrepot serve
  entrepot serve /etc/entrepot/config.yml
  entrepot check-config /etc/entrepot/config.yml
  entrepot doctor /etc/entrepot/config.yml
  entrepot setup docker /etc/entrepot/config.yml
  entrepot ls --config /etc/entrepot/config.yml`,
    );
  program
    .command('serve')
    .argument('[file]', fileHelp)
    .description('start the mirror')
    .action(async (file: string | undefined) => {
      const { serve } = await import('./serve.ts');
      code = await serve(file, terminal);
    });
  program
    .command('check-config')
    .alias('config')
    .argument('[file]', fileHelp)
    .description('check a configuration and print what is in force, secrets masked')
    .action(async (file: string | undefined) => {
      const { checkConfig } = await import('./check-config.ts');
      code = checkConfig(file, terminal);
    });
  program
    .command('health')
    .argument('[file]', fileHelp)
    .description('ask the mirror that runs here with this configuration whether it is alive')
    .action(async (file: string | undefined) => {
      const { health } = await import('./health.ts');
      code = await health(file, terminal);
    });
  program
    .command('doctor')
    .argument('[file]', fileHelp)
    .description('look for whatever may keep the mirror from working, and say what to do about it')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExit code 0: at most warnings; 1: problems.')
    .action(async (file: string | undefined, options: DoctorOptions) => {
      const { doctor } = await import('./doctor/doctor.ts');
      code = await doctor({ file }, options, terminal, systemClock());
    });
  const done = (result: ExitCode): void => void (code = result);
  addSetupTls(addSetup(program, { fileHelp, terminal, done }), { terminal, done });
  addCare(program, { terminal, done });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCode.success : exitCode.usage;
  }
}
