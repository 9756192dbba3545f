import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import {
  isHelperProgram,
  type CredentialSource,
  type DockerConfigSource,
} from '../upstream/credentials/credential-source.ts';
import { readText } from './files.ts';
import type { LoadContext } from './load-context.ts';
import { pathText, type Path } from './tree.ts';

const maxSecretBytes = 64 * 1024;

/** Long enough that a helper is not run for every pull, short enough for one whose passwords soon expire. */
export const helperLifetimeMs = 10 * 60_000;

const helperPrefix = 'docker-credential-';

/** The keys of a section that says by which account an upstream is asked. */
interface AccountKeys {
  readonly username?: string | undefined;
  readonly usernamefile?: string | undefined;
  readonly password?: string | undefined;
  readonly passwordfile?: string | undefined;
  readonly credentials?: string | undefined;
  readonly exec?: { readonly command: string; readonly lifetime?: number | undefined } | undefined;
}

/** The first key that says something of an account; undefined for an anonymous upstream. */
export function accountKey(given: AccountKeys): keyof AccountKeys | undefined {
  const keys = ['username', 'usernamefile', 'password', 'passwordfile', 'credentials', 'exec'] as const;
  return keys.find((key) => given[key] !== undefined);
}

/** Where a section's credentials come from; undefined when it is anonymous, or when there are problems. */
export function readAccount(
  given: AccountKeys,
  path: Path,
  context: LoadContext,
): CredentialSource | undefined {
  const other = given.credentials === undefined ? given.exec && 'exec' : 'credentials';
  const written = accountKey({ ...given, credentials: undefined, exec: undefined });
  if (other === undefined) return readPair(given, path, context);
  if (written !== undefined) {
    context.problems.add([...path, other], `${pathText([...path, written])} is set too; keep one of them`);
    return undefined;
  }
  if (given.exec === undefined) return readSource(given.credentials ?? '', [...path, 'credentials'], context);
  return readExec(given.exec, [...path, 'exec', 'command'], context);
}

function readPair(given: AccountKeys, path: Path, context: LoadContext): CredentialSource | undefined {
  const username = readSecret('username');
  const password = readSecret('password');
  if (username !== undefined && password === undefined && !named('password')) {
    const section = pathText(path);
    problem('username', `needs a password: give ${section}.passwordfile (or ${section}.password)`);
  }
  if (password !== undefined && username === undefined && !named('username')) {
    const key = given.password === undefined ? 'passwordfile' : 'password';
    problem(key, `needs a user name: give ${pathText(path)}.username`);
  }
  return username === undefined || password === undefined
    ? undefined
    : { kind: 'static', username, password };

  function named(key: 'username' | 'password'): boolean {
    return given[key] !== undefined || given[`${key}file`] !== undefined;
  }

  function problem(key: string, message: string): void {
    context.problems.add([...path, key], message);
  }

  function readSecret(key: 'username' | 'password'): string | undefined {
    const value = given[key];
    const file = given[`${key}file`];
    if (file === undefined) return value;
    if (value === undefined) return readSecretFile([...path, `${key}file`], file, context);
    problem(`${key}file`, `${pathText([...path, key])} is set too; keep one of them`);
    return undefined;
  }
}

/** Without the one line end that editors and `echo` leave. */
function readSecretFile(path: Path, name: string, context: LoadContext): string | undefined {
  const secret = context.file(path, name, (file) => readText(file, maxSecretBytes).replace(/\r?\n$/, ''));
  if (secret === '') context.problems.add(path, `${context.absolute(name)} is empty`);
  return secret === '' ? undefined : secret;
}

/** `docker-config` or `helper:NAME`. What else stands here may be a password: it is not quoted. */
function readSource(text: string, path: Path, context: LoadContext): CredentialSource | undefined {
  if (/^docker-?config(?:\.json)?$/i.test(text)) return dockerConfig(context);
  const [, name] = /^helper:(.*)$/i.exec(text) ?? [];
  if (name === undefined) {
    context.problems.add(path, 'is neither docker-config nor helper:NAME');
    return undefined;
  }
  if (!isHelperProgram(name)) {
    context.problems.add(path, `needs the name of a helper, such as helper:ecr-login, or its absolute path`);
    return undefined;
  }
  if (isAbsolute(name)) return { kind: 'helper', program: name, lifetimeMs: helperLifetimeMs };
  if (name.startsWith(helperPrefix)) {
    const short = name.slice(helperPrefix.length);
    context.problems.add(path, `${helperPrefix} is put before the name, did you mean helper:${short}?`);
    return undefined;
  }
  return { kind: 'helper', program: helperPrefix + name, lifetimeMs: helperLifetimeMs };
}

function readExec(
  { command, lifetime }: NonNullable<AccountKeys['exec']>,
  path: Path,
  context: LoadContext,
): CredentialSource | undefined {
  if (/\s/.test(command)) {
    context.problems.add(path, 'must be one program, without arguments');
    return undefined;
  }
  const program = command.includes('/') ? context.absolute(command) : command;
  if (!isHelperProgram(program)) {
    context.problems.add(path, 'must be the name of a program or its path');
    return undefined;
  }
  // As in registry:2: 0 runs it for every request, and without a lifetime it is run once.
  return { kind: 'helper', program, lifetimeMs: lifetime ?? Number.POSITIVE_INFINITY };
}

/** Where Docker's own clients look. */
function dockerConfig(context: LoadContext): DockerConfigSource {
  const folder = context.variable('DOCKER_CONFIG');
  const file = context.absolute(
    folder === undefined
      ? join(context.variable('HOME') ?? homedir(), '.docker', 'config.json')
      : join(folder, 'config.json'),
  );
  const text = context.variable('DOCKER_AUTH_CONFIG');
  if (text === undefined) {
    // It may come later, with the next `docker login`.
    context.warnIfUnreadable(
      file,
      (problem) =>
        `credentials: docker-config: ${problem}; until it can be read, upstreams are asked anonymously`,
    );
  }
  return { kind: 'docker-config', file, text };
}
