import type { Clock } from '../../base/clock.ts';
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
 * A credential helper: a program that knows the credentials of registries.
 * @see https://github.com/docker/docker-credential-helpers
 */
export class HelperProgram implements Helper {
  readonly name: string;
  readonly #clock: Clock;

  /**
   * @param name `docker-credential-NAME`, looked for in `PATH`, or an absolute path
   * @throws {CredentialError} when it is neither
   */
  constructor(name: string, clock: Clock) {
    if (!isHelperProgram(name)) {
      throw new CredentialError(`${JSON.stringify(name)} is not the name of a credential helper`);
    }
    this.name = name;
    this.#clock = clock;
  }

  /**
   * What it knows of the server that Docker calls `key`; undefined when it says that it knows nothing.
   * @throws {CredentialError} when it fails in any other way. What it writes is not quoted: it may be a secret.
   */
  async get(key: string): Promise<Credentials | undefined> {
    const { exitCode, output } = await runProgram(this.name, ['get'], {
      input: key,
      timeLimitMs,
      maxOutputBytes,
      clock: this.#clock,
    });
    if (exitCode === 0) return this.#parse(output);
    if (output.trim() === notFound) return undefined;
    throw new CredentialError(`${this.name} failed for ${key}, with exit code ${exitCode}`);
  }

  #parse(output: string): Credentials {
    let json: unknown;
    try {
      json = JSON.parse(output);
    } catch {
      json = undefined;
    }
    const { success, data } = helperAnswer.safeParse(json);
    if (!success) throw new CredentialError(`${this.name} answered with something other than credentials`);
    const { Username: username, Secret: secret } = data;
    return username === tokenUser ? { identityToken: secret } : { username, password: secret };
  }
}
