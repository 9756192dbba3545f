import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { CredentialSource } from '../../upstream/credentials/credential-source.ts';

/** Far longer than any password, in bytes. */
const maxPasswordBytes = 64 * 1024;

/** How a command logs in at another registry. */
export interface LoginOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
}

/** A login that makes no sense; the message is for people. */
export class LoginError extends Error {
  override readonly name = 'LoginError';
}

/**
 * The account that is given, else what `docker login` left behind.
 * @throws {LoginError}
 */
export async function loginOf(
  { username, passwordStdin = false }: LoginOptions,
  stdin: AsyncIterable<Buffer>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<CredentialSource> {
  if (username === undefined && !passwordStdin) return dockerConfig(environment);
  if (username === undefined) throw new LoginError('--password-stdin needs --username');
  if (!passwordStdin)
    throw new LoginError(
      '--username needs --password-stdin: a password in the command line is seen by others',
    );
  const password = await readPassword(stdin);
  if (password === '') throw new LoginError('the standard input has no password');
  return { kind: 'static', username, password };
}

/** Without the one line end that editors and `echo` leave. */
async function readPassword(stdin: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxPasswordBytes) throw new LoginError('the standard input is too long for a password');
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** Where Docker's own clients look. */
function dockerConfig(environment: Readonly<Record<string, string | undefined>>): CredentialSource {
  const { DOCKER_CONFIG: folder = join(environment['HOME'] ?? homedir(), '.docker') } = environment;
  const text = environment['DOCKER_AUTH_CONFIG'];
  return {
    kind: 'docker-config',
    file: resolve(folder, 'config.json'),
    text: text === '' ? undefined : text,
  };
}
