import { relative, resolve } from 'node:path';
import type { BasicCredentials } from '../upstream/auth/credentials.ts';
import { ConfigError } from './config-error.ts';
import type { Config } from './config.ts';
import { applyEnvironment, pathVariable, type Environment } from './environment.ts';
import { FileProblem, readText } from './files.ts';
import { deepFreeze } from './freeze.ts';
import { ProblemList } from './problem-list.ts';
import { takeRegistry2Keys } from './registry2.ts';
import type { FileValues } from './schema.ts';
import { readCredentials } from './secrets.ts';
import { resolveTls } from './tls.ts';
import { blankToUndefined, ConfigTree, isSection } from './tree.ts';
import { meansTopLevelKey, validate } from './validate.ts';
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
  const values = validate(tree, problems);
  const credentials = readCredentials(tree, directory, problems);
  const tls = resolveTls(values?.http.tls, directory, problems);
  problems.throwIfAny();
  if (values === undefined) throw new Error('validation failed without a problem');

  const config = deepFreeze(assemble(values, { credentials, tls, directory }));
  const remoteless = file !== undefined && tree.get(['proxy', 'remoteurl']) === undefined;
  return { config, warnings: [...warningsOf(config, ignored, foreign, remoteless)] };
}

/** As the operator would type it. */
function shortName(file: string, directory: string): string {
  const short = relative(directory, file);
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

function assemble(
  values: FileValues,
  resolved: Pick<Config['http'], 'tls'> & {
    readonly credentials: BasicCredentials | undefined;
    readonly directory: string;
  },
): Config {
  const { log, loglevel, storage, http, proxy } = values;
  return {
    log: {
      level: log.level ?? loglevel ?? 'info',
      formatter: log.formatter,
      fields: Object.fromEntries(Object.entries(log.fields).map(([key, value]) => [key, value ?? ''])),
    },
    storage: {
      rootdirectory: resolve(resolved.directory, storage.filesystem.rootdirectory),
      deleteEnabled: storage.delete.enabled,
    },
    http: { addr: http.addr, headers: http.headers, tls: resolved.tls, draintimeoutMs: http.draintimeout },
    upstreams: [
      {
        name: proxy.remoteurl.name,
        urls: [proxy.remoteurl.url],
        credentials:
          resolved.credentials === undefined ? undefined : { kind: 'static', ...resolved.credentials },
        ca: undefined,
        insecure: false,
        proxy: undefined,
        redirects: [],
        freshness: {
          tagMs: proxy.freshness.default,
          gone: proxy.freshness.gone,
          rules: proxy.freshness.rules.map(({ match, maxage }) => ({ match, maxAgeMs: maxage })),
        },
        hosts: [],
        listen: undefined,
      },
    ],
    plain: proxy.remoteurl.name,
    auth: { htpasswd: undefined, token: undefined, passthrough: false },
    access: {
      anonymous: 'allow',
      private: 'authenticated',
      groups: {},
      rules: [],
      mirror: { allow: [], deny: [] },
    },
    ttlMs: proxy.ttl,
    timeouts: {
      connectMs: proxy.timeouts.connect,
      headerMs: proxy.timeouts.header,
      idleMs: proxy.timeouts.idle,
    },
    catalogMaxEntries: 1000,
    tagsMax: undefined,
  };
}

function* warningsOf(
  { upstreams: [upstream] }: Config,
  ignored: readonly string[],
  foreign: readonly string[],
  remoteless: boolean,
): Generator<string> {
  if (ignored.length > 0) {
    yield `these keys of registry:2's mean nothing to a mirror and are ignored: ${ignored.join(', ')}`;
  }
  if (foreign.length > 0) {
    yield `these environment variables name no key and are ignored: ${foreign.join(', ')}`;
  }
  if (remoteless) {
    yield 'no proxy.remoteurl: Entrepot is always a mirror, and mirrors Docker Hub when nothing else is named';
  }
  if (upstream.credentials !== undefined && upstream.urls[0].protocol === 'http:') {
    yield `the credentials for ${upstream.name} go over the network unencrypted: its proxy.remoteurl is http://`;
  }
}
