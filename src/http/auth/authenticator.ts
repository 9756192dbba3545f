import { anonymous, type Reader } from '../../mirror/access/reader.ts';

/**
 * What became of a request's credentials: there are none, they are valid, they are not for this mirror, or they are for
 * this mirror and invalid (such as an expired token).
 */
export type LoginOutcome = 'none' | 'accepted' | 'refused' | 'invalid';

export interface Login {
  readonly reader: Reader;
  readonly outcome: LoginOutcome;
}

/** What a challenge is about. */
export interface ChallengeSubject {
  /** What a token would have to grant, such as `repository:library/nginx:pull`; undefined for the registry as a whole. */
  readonly scope?: string | undefined;
  /** What is wrong with the request's token (RFC 6750, section 3.1). */
  readonly error?: 'insufficient_scope' | 'invalid_token' | undefined;
}

/** One authentication scheme, such as Basic or Bearer. */
export interface AuthScheme {
  /** As `Authorization` begins, in lower case. */
  readonly name: 'basic' | 'bearer';
  /**
   * Judges what follows the scheme's name in `Authorization`. `client` is an address, so that one client's attempts do
   * not hold up another's. Rejects with RegistryError when it cannot be judged now.
   */
  login(credentials: string, client: string): Promise<Login>;
  /** A value of `WWW-Authenticate`. */
  challenge(subject: ChallengeSubject): string;
}

export const nobody: Login = { reader: anonymous, outcome: 'none' };

/** Credentials of the wrong account, or of another registry: dockerd offers a mirror those for Docker Hub. */
export const stranger: Login = { reader: anonymous, outcome: 'refused' };

/** Authenticates requests by the schemes that are configured. */
export class Authenticator {
  readonly #schemes: ReadonlyMap<string, AuthScheme>;

  constructor(schemes: readonly AuthScheme[]) {
    this.#schemes = new Map(schemes.map((scheme) => [scheme.name, scheme]));
  }

  /** Judges an `Authorization` header. Rejects with RegistryError when that cannot be done now. */
  async login(authorization: string | undefined, client: string): Promise<Login> {
    if (authorization === undefined) return nobody;
    const [, name = '', credentials = ''] = /^([a-z]+) +(\S+) *$/i.exec(authorization) ?? [];
    const scheme = this.#schemes.get(name.toLowerCase());
    return scheme === undefined ? stranger : await scheme.login(credentials, client);
  }

  /** Values of `WWW-Authenticate`, one a scheme. */
  challenges(subject: ChallengeSubject = {}): readonly string[] {
    return [...this.#schemes.values()].map((scheme) => scheme.challenge(subject));
  }
}
