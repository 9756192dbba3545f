import type { Clock } from '../../base/clock.ts';
import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/config.ts';
import { loadConfig, type ConfigSource, type LoadedConfig } from '../../config/load.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import type { Check } from './check.ts';
import { ClockCheck } from './clock-check.ts';
import { composeExaminers } from './compose-examiners.ts';
import { ConfigCheck } from './config-check.ts';
import { DataFolderCheck } from './data-folder-check.ts';
import { DatabaseCheck } from './database-check.ts';
import { examine, type NamedFinding } from './examination.ts';
import { LimitsCheck } from './limits-check.ts';
import { PortCheck } from './port-check.ts';
import { jsonReport, textReport, worst } from './report.ts';
import { TlsCheck } from './tls-check.ts';
import { UpstreamSurvey } from './upstream-survey.ts';
import { UpstreamsCheck } from './upstreams-check.ts';

export interface DoctorOptions {
  readonly json?: boolean;
}

/** How long one check may take, in milliseconds. */
const limitMs = 5_000;

/** Looks for whatever may keep a mirror with this configuration from working, and says what to do about it. Changes nothing. */
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
  const configuration = new ConfigCheck(loaded);
  if (loaded instanceof ConfigError) return examine([configuration], limitMs);
  const { config } = loaded;
  const upstreams = composeExaminers(config, clock, limitMs);
  const survey = new UpstreamSurvey(upstreams.examiners);
  try {
    return await examine(
      [configuration, ...localChecks(config, clock), new ClockCheck(survey), new UpstreamsCheck(survey)],
      limitMs,
    );
  } finally {
    await upstreams.close();
  }
}

function localChecks({ storage, http, upstreams }: Config, clock: Clock): readonly Check[] {
  const addresses = [
    { key: 'http.addr', addr: http.addr },
    ...(http.publicAddr === undefined ? [] : [{ key: 'http.public.addr', addr: http.publicAddr }]),
    ...upstreams.flatMap(({ name, listen }) =>
      listen === undefined ? [] : [{ key: `upstreams.${name}.listen`, addr: listen }],
    ),
  ];
  const tls = {
    secure: http.tls !== undefined,
    wantsCertificate: http.tls !== undefined && http.tls.clientcas.length > 0,
  };
  return [
    new DataFolderCheck(storage.rootdirectory, storage),
    new DatabaseCheck(storage.rootdirectory),
    new PortCheck(addresses.map((address) => ({ ...address, ...tls }))),
    new TlsCheck(http.tls, clock),
    new LimitsCheck(),
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
