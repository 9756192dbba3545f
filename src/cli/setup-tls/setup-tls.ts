import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { errnoOf } from '../../store/file-error.ts';
import type { ExitCode } from '../exit-code.ts';
import { printingErrors, SetupError, SetupUsageError } from '../setup-error.ts';
import type { Terminal } from '../terminal.ts';
import { maxServerDays } from './certificate-authority.ts';
import { instructions } from './instructions.ts';
import { machineNames, parseSubjectName, uniqueNames, type SubjectName } from './subject-name.ts';
import { TlsFolder } from './tls-folder.ts';

/** As given on the command line. */
export interface SetupTlsOptions {
  readonly host?: readonly string[];
  readonly out: string;
  readonly days: string;
  readonly port: string;
  readonly force?: boolean;
}

/** Makes a local authority, if there is none, and a certificate for this machine; prints how to use them. */
export async function setupTls(
  options: SetupTlsOptions,
  terminal: Terminal,
  clock: Clock,
): Promise<ExitCode> {
  return printingErrors(terminal, async () => {
    const folder = new TlsFolder(resolve(options.out));
    const days = wholeNumber('--days', options.days, maxServerDays);
    const port = wholeNumber('--port', options.port, 65_535);
    const names = subjectNames(options.host ?? []);
    try {
      if (options.force === true) await folder.clear();
      const files = await folder.issue(hostname(), names, days, clock.now());
      terminal.out(instructions(folder, files, names, port));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      throw new SetupError(`cannot write to ${folder.path}: ${errno}`, { cause: error });
    }
  });
}

/** Those asked for, then this machine's own. */
function subjectNames(hosts: readonly string[]): readonly [SubjectName, ...SubjectName[]] {
  const given = hosts.map((host) => {
    const name = parseSubjectName(host);
    if (name === undefined) {
      throw new SetupUsageError(`--host ${host}: neither a host name nor an IP address (it takes no port)`);
    }
    return name;
  });
  const [first, ...others] = uniqueNames([...given, ...machineNames()]);
  if (first === undefined) throw new Error('every machine is localhost');
  return [first, ...others];
}

function wholeNumber(option: string, text: string, most: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most)
    throw new SetupUsageError(`${option} ${text}: expected a whole number from 1 to ${most}`);
  return value;
}
