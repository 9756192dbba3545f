import type { Clock } from '../../base/clock.ts';
import { parseJson } from '../../base/json.ts';
import { z } from '../../base/zod.ts';
import type { Credentials } from '../auth/credentials.ts';
import { CredentialError } from './credential-error.ts';
import { isHelperProgram } from './credential-source.ts';
import type { Helper } from './helper-provider.ts';
import { runProgram } from './run-program.ts';

/** In milliseconds. A helper that asks its user something would wait for ever. */
const timeLimitMs = 10_000;

const maxOutputBytes = 64 * 1024;

/** Not a failure: the helper has no credentials. It can be told by its message only. */
const notFound = 'credentials not found in native keychain';

/** The user name that stands for: the secret is an identity token. */
const tokenUser = '<token>';

const helperAnswer = z.object({ Username: z.string(), Secret: z.string() });

/**
 * A credential helper. Its output is never quoted in errors: it may be a secret.
 * @param name `docker-credential-NAME`, looked for in `PATH`, or an absolute path
 * @throws {CredentialError} when it is neither
 * @see https://github.com/docker/docker-credential-helpers
 */
export function helperProgram(name: string, clock: Clock): Helper {
  if (!isHelperProgram(name)) {
    throw new CredentialError(`${JSON.stringify(name)} is not the name of a credential helper`);
  }
  return {
    name,
    async get(key) {
      const limits = { timeLimitMs, maxOutputBytes, clock };
      const { exitCode, output } = await runProgram(name, ['get'], { input: key, ...limits });
      if (exitCode === 0) return parse(output, name);
      if (output.trim() === notFound) return undefined;
      throw new CredentialError(`${name} failed for ${key}, with exit code ${exitCode}`);
    },
  };
}

function parse(output: string, name: string): Credentials {
  const { success, data } = helperAnswer.safeParse(parseJson(output));
  if (!success) throw new CredentialError(`${name} answered with something other than credentials`);
  const { Username: username, Secret: secret } = data;
  return username === tokenUser ? { identityToken: secret } : { username, password: secret };
}
