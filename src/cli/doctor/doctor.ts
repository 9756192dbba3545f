import type { Clock } from '../../base/clock.ts';
import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/config.ts';
import { loadConfig, type ConfigSource, type LoadedConfig } from '../../config/load.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { ok, type Check } from './check.ts';
import { checkClock } from './clock-check.ts';
import { composeExaminers } from './compose-examiners.ts';
import { checkConfiguration } from './config-check.ts';
import { checkDataFolder } from './data-folder-check.ts';
import { checkDatabase } from './database-check.ts';
import { examine, type NamedFinding } from './examination.ts';
import { checkLimits } from './limits-check.ts';
import { checkPorts, type Listening } from './port-check.ts';
import type { Diagnosis } from './registry-examiner.ts';
import { jsonReport, textReport, worst } from './report.ts';
import { checkTls } from './tls-check.ts';
import { checkUpstreams } from './upstreams-check.ts';

export interface DoctorOptions {
  readonly json?: boolean;
}

const notAsked = ok('the mirror is configured to be offline: no registry was asked');

/** How long one check may take, in milliseconds. */
const limitMs = 5_000;

/** Finds what may keep a mirror with this configuration from working, and gives advice; changes nothing. */
export async function doctor(
  source: ConfigSource,
  { json = false }: DoctorOptions,
  terminal: Terminal,
  clock: Clock,
): Promise<ExitCode> {
  const findings = await examineAll(source, clock);
  terminal.out(json ? jsonReport(findings) : textReport(findings, terminal.interactive));
  return worst(findings) === 'problem' ? exitCode.failure : exitCode.success;
}

async function examineAll(source: ConfigSource, clock: Clock): Promise<readonly NamedFinding[]> {
  const loaded = load(source);
  const configuration: Check = {
    name: 'configuration',
    run: () => Promise.resolve(checkConfiguration(loaded)),
  };
  if (loaded instanceof ConfigError) return examine([configuration], limitMs);
  const { config } = loaded;
  await using examiners = composeExaminers(config, clock, limitMs);
  let diagnoses: Promise<readonly Diagnosis[]> | undefined;
  const diagnose = (signal: AbortSignal): Promise<readonly Diagnosis[]> =>
    (diagnoses ??= examiners.examine(signal));
  const checks: readonly Check[] = [
    configuration,
    ...localChecks(config, clock),
    ...(config.offline
      ? [{ name: 'upstream', run: () => Promise.resolve([notAsked]) }]
      : [
          { name: 'clock', run: async (signal: AbortSignal) => checkClock(await diagnose(signal)) },
          { name: 'upstream', run: async (signal: AbortSignal) => checkUpstreams(await diagnose(signal)) },
        ]),
  ];
  return await examine(checks, limitMs);
}

function localChecks({ storage, http, upstreams }: Config, clock: Clock): readonly Check[] {
  const { addr, publicAddr, tls } = http;
  const wanted = [
    { key: 'http.addr', addr },
    { key: 'http.public.addr', addr: publicAddr },
    ...upstreams.map(({ name, listen }) => ({ key: `upstreams.${name}.listen`, addr: listen })),
  ].flatMap(({ key, addr: address }): Listening[] =>
    address === undefined
      ? []
      : [
          {
            key,
            addr: address,
            secure: tls !== undefined,
            wantsCertificate: (tls?.clientcas.length ?? 0) > 0,
          },
        ],
  );
  return [
    { name: 'data folder', run: () => checkDataFolder(storage.rootdirectory, storage) },
    { name: 'metadata', run: () => checkDatabase(storage.rootdirectory) },
    { name: 'port', run: (signal) => checkPorts(wanted, signal) },
    { name: 'tls', run: () => checkTls(tls, clock) },
    { name: 'limits', run: () => checkLimits() },
  ];
}

function load(source: ConfigSource): LoadedConfig | ConfigError {
  try {
    return loadConfig(source);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}
