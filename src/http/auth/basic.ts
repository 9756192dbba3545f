import { anonymous } from '../../mirror/access/reader.ts';
import { parseBasicCredentials } from '../../base/basic-auth.ts';
import { challenge, noLogin, refusedLogin, type AuthScheme, type Groups, type Login } from './auth-scheme.ts';
import type { Passwords } from './passwords.ts';

interface BasicSchemeDeps {
  readonly realm: string;
  /** Accounts of this mirror's own, if it has any. */
  readonly passwords: Pick<Passwords, 'check'> | undefined;
  /** Credentials of no account here are taken for the client's own at the registry, to be checked there. */
  readonly passthrough: boolean;
  readonly groups: Groups;
}

/**
 * User name and password with every request.
 * @see https://www.rfc-editor.org/rfc/rfc7617
 */
export class BasicScheme implements AuthScheme {
  readonly name = 'basic';
  readonly #deps: BasicSchemeDeps;

  constructor(deps: BasicSchemeDeps) {
    this.#deps = deps;
  }

  async login(text: string, client: string): Promise<Login> {
    const { passwords, passthrough, groups } = this.#deps;
    const credentials = parseBasicCredentials(text);
    // podman and skopeo answer a challenge with an empty name and password when they have none.
    if (credentials === undefined) return noLogin;
    const result = (await passwords?.check(credentials, client)) ?? 'unknown';
    if (result === 'right') {
      const { username } = credentials;
      return {
        reader: { ...anonymous, user: username, groups: groups.get(username) ?? [] },
        outcome: 'accepted',
      };
    }
    // A wrong password of an account here is not sent to a registry.
    if (result === 'wrong' || !passthrough) return refusedLogin;
    return { reader: { ...anonymous, credentials }, outcome: 'accepted' };
  }

  challenge(): string {
    return challenge('Basic', { realm: this.#deps.realm });
  }
}
