import { resolve } from 'node:path';
import type { BasicCredentials } from '../upstream/auth/credentials.ts';
import { FileProblem, readText } from './files.ts';
import type { ProblemList } from './problem-list.ts';
import type { ConfigTree } from './tree.ts';

const maxSecretBytes = 64 * 1024;

/**
 * The upstream's credentials, written out or in files of their own; undefined for an anonymous upstream or when there are
 * problems.
 *
 * @param directory what relative file names are relative to
 */
export function readCredentials(
  tree: ConfigTree,
  directory: string,
  problems: ProblemList,
): BasicCredentials | undefined {
  const username = readSecret('username');
  const password = readSecret('password');
  if (username !== undefined && password === undefined && !named('password')) {
    problems.add(['proxy', 'username'], 'needs a password: give proxy.passwordfile (or proxy.password)');
  }
  if (password !== undefined && username === undefined && !named('username')) {
    const key = tree.get(['proxy', 'password']) === undefined ? 'passwordfile' : 'password';
    problems.add(['proxy', key], 'needs a user name: give proxy.username');
  }
  return username === undefined || password === undefined ? undefined : { username, password };

  function named(key: string): boolean {
    return tree.get(['proxy', key]) !== undefined || tree.get(['proxy', `${key}file`]) !== undefined;
  }

  function readSecret(key: string): string | undefined {
    const value = tree.get(['proxy', key]);
    const file = tree.get(['proxy', `${key}file`]);
    if (value !== undefined && file !== undefined) {
      problems.add(['proxy', `${key}file`], `proxy.${key} is set too; keep one of them`);
      return undefined;
    }
    if (typeof file !== 'string') return typeof value === 'string' ? value : undefined;
    return readSecretFile(['proxy', `${key}file`], resolve(directory, file), problems);
  }
}

/** Without the one line end that editors and `echo` leave. */
function readSecretFile(path: readonly string[], file: string, problems: ProblemList): string | undefined {
  try {
    const secret = readText(file, maxSecretBytes).replace(/\r?\n$/, '');
    if (secret !== '') return secret;
    problems.add(path, `${file} is empty`);
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    problems.add(path, `${file} ${error.message}`);
  }
  return undefined;
}
