import { anonymous } from '../../mirror/access/reader.ts';
import { parseBasicCredentials } from '../../base/basic-auth.ts';
import { nobody, stranger, type AuthScheme, type Login } from './authenticator.ts';
import { challenge } from './challenge.ts';
import type { Groups } from './groups.ts';
import type { Passwords } from './passwords.ts';

export interface BasicSchemeOptions {
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
  readonly #options: BasicSchemeOptions;

  constructor(options: BasicSchemeOptions) {
    this.#options = options;
  }

  async login(text: string, client: string): Promise<Login> {
    const { passwords, passthrough, groups } = this.#options;
    const credentials = parseBasicCredentials(text);
    // podman and skopeo answer a challenge with an empty name and password when they have none.
    if (credentials === undefined) return nobody;
    const verdict = (await passwords?.check(credentials, client)) ?? 'unknown';
    if (verdict === 'right') {
      const { username } = credentials;
      return { reader: { ...anonymous, user: username, groups: groups.of(username) }, outcome: 'accepted' };
    }
    // A wrong password of an account here is not sent to a registry.
    if (verdict === 'wrong' || !passthrough) return stranger;
    return { reader: { ...anonymous, credentials }, outcome: 'accepted' };
  }

  challenge(): string {
    return challenge('Basic', { realm: this.#options.realm });
  }
}
