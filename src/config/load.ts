import { relative, resolve } from 'node:path';
import { checkAccess, readAccess } from './access.ts';
import { readAuth } from './auth.ts';
import { ConfigError } from './config-error.ts';
import type { Config } from './config.ts';
import { applyEnvironment, pathVariable, type Environment } from './environment.ts';
import { FileProblem, readText } from './files.ts';
import { deepFreeze } from './freeze.ts';
import { checkPins } from './pins.ts';
import { checkPublicAddress } from './public-address.ts';
import { ProblemList } from './problem-list.ts';
import { readQuotas } from './quotas.ts';
import { takeRegistry2Keys } from './registry2.ts';
import type { FileValues } from './schema.ts';
import { LoadContext } from './load-context.ts';
import { readSystemStores } from './system-stores.ts';
import { readWarm } from './warm.ts';
import { readTls } from './tls.ts';
import { blankToUndefined, ConfigTree, isSection } from './tree.ts';
import { readUpstreams, type Upstreams } from './upstreams.ts';
import { meansTopLevelKey, validate, type Validated } from './validate.ts';
import { warningsOf } from './warnings.ts';
import { readYaml } from './yaml.ts';

const maxFileBytes = 1024 * 1024;

export interface ConfigSource {
  /** Wins over the environment's `REGISTRY_CONFIGURATION_PATH`; undefined for neither: all defaults. */
  readonly file?: string | undefined;
  /** The process's own if not given. */
  readonly environment?: Environment;
  /** What relative file names are relative to; the working directory if not given, as registry:2 has it. */
  readonly directory?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** One line each, for the log. */
  readonly warnings: readonly string[];
}

/**
 * Reads the file, lays the environment over it, checks everything and reads the secrets that it names.
 *
 * @throws ConfigError with all problems, none of which quotes a secret
 */
export function loadConfig(source: ConfigSource = {}): LoadedConfig {
  const { environment = process.env, directory = process.cwd() } = source;
  const name = source.file ?? (environment[pathVariable] === '' ? undefined : environment[pathVariable]);
  const file = name === undefined ? undefined : resolve(directory, name);
  const tree = new ConfigTree();
  if (file !== undefined) readFileInto(tree, file, shortName(file, directory), source.file === undefined);
  const foreign = applyEnvironment(tree, environment, meansTopLevelKey);
  for (const [key, value] of Object.entries(tree.root)) tree.root[key] = blankToUndefined(value);

  const problems = new ProblemList(tree);
  if (file !== undefined) checkVersion(tree, problems);
  const ignored = takeRegistry2Keys(tree, problems);
  const validated = validate(tree, problems);
  const context = new LoadContext(tree, environment, directory, problems);
  const parts = readParts(validated, context);
  problems.throwIfAny();
  if (parts === undefined) throw new Error('a configuration without problems has a part that cannot be read');

  const config = deepFreeze(assemble(validated.values, parts, directory));
  const usual = file !== undefined && parts.usual;
  const warnings = [...context.warnings, ...warningsOf({ config, tree, ignored, foreign, usual })];
  return { config, warnings };
}

type Parts = Upstreams &
  Pick<Config, 'warm' | 'auth' | 'access' | 'systemStores'> &
  Pick<Config['http'], 'tls'> &
  Pick<Config['storage'], 'quotas'>;

/** Reads what has to be looked up or depends on other sections; undefined when one of those has problems. */
function readParts({ values, broken }: Validated, context: LoadContext): Parts | undefined {
  const areWhole = (...sections: readonly (keyof FileValues)[]) => !sections.some((key) => broken.has(key));
  const tls = areWhole('http') ? readTls(values.http.tls, context) : undefined;
  const auth = areWhole('auth') ? readAuth(values.auth, context) : undefined;
  const access = areWhole('access') ? readAccess(values.access, auth, context) : undefined;
  const upstreams = areWhole('http', 'proxy', 'upstreams') ? readUpstreams(values, context) : undefined;
  if (auth === undefined || access === undefined || upstreams === undefined) return undefined;
  const names = upstreams.upstreams.map(({ name }) => name);
  checkAccess(access, auth, names, context);
  if (areWhole('http')) checkPublicAddress(values, auth, access, context);
  if (areWhole('pin')) checkPins(values.pin, upstreams, context);
  const warm = areWhole('warm') ? readWarm(values.warm, names, context) : undefined;
  const quotas = areWhole('storage') ? readQuotas(values, names, context) : [];
  return { ...upstreams, auth, access, tls, warm, quotas, systemStores: readSystemStores(context) };
}

/** As the operator would type it. */
function shortName(file: string, directory: string): string {
  const short = relative(directory, file) || '.';
  return short.startsWith('..') ? file : short;
}

function readFileInto(tree: ConfigTree, file: string, name: string, byVariable: boolean): void {
  const fail = (message: string) =>
    new ConfigError([
      { origin: byVariable ? { variable: pathVariable } : undefined, key: '', message: `${name} ${message}` },
    ]);
  try {
    const text = readText(file, maxFileBytes);
    const place = (line: number, column: number) => ({ file: name, line, column });
    const root = readYaml(text, place, (path, origin) => tree.note(path, origin));
    if (root === undefined) throw fail('is empty; the least is one line: version: 0.1');
    if (!isSection(root)) throw fail('is not a configuration: expected lines such as "version: 0.1"');
    Object.assign(tree.root, root);
    tree.note([], place(1, 1));
  } catch (error) {
    if (error instanceof FileProblem) throw fail(error.message);
    throw error;
  }
}

function checkVersion(tree: ConfigTree, problems: ProblemList): void {
  const version = tree.get(['version']);
  if (version === undefined) {
    problems.add(['version'], 'is missing; begin the file with the line "version: 0.1"');
  } else if (typeof version === 'string' && version !== '0.1') {
    problems.add(['version'], 'only version 0.1 of the format exists, write "version: 0.1"');
  }
}

function assemble(values: FileValues, parts: Parts, directory: string): Config {
  const { log, loglevel, offline, storage, http, proxy, catalog, tags } = values;
  const [first, ...others] = parts.upstreams;
  if (first === undefined) throw new Error('a configuration without problems has an upstream');
  return {
    log: { ...log, level: log.level ?? loglevel ?? 'info' },
    storage: { ...storage, rootdirectory: resolve(directory, storage.rootdirectory), quotas: parts.quotas },
    http: { ...http, tls: parts.tls },
    offline,
    maxRate: proxy.maxrate,
    upstreams: [first, ...others],
    plain: parts.plain,
    auth: parts.auth,
    access: parts.access,
    pins: values.pin,
    warm: parts.warm,
    ttlMs: proxy.ttl,
    systemStores: parts.systemStores,
    timeouts: proxy.timeouts,
    catalogMaxEntries: catalog.maxentries,
    tagsMax: tags.maxtags,
  };
}
