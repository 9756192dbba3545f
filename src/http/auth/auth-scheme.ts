import { anonymous, type Reader } from '../../mirror/access/reader.ts';

/** `refused`: the credentials are not for this mirror; `invalid`: they are, but for example expired. */
type LoginOutcome = 'none' | 'accepted' | 'refused' | 'invalid';

export interface Login {
  readonly reader: Reader;
  readonly outcome: LoginOutcome;
}

export const noLogin: Login = { reader: anonymous, outcome: 'none' };

/** Of the wrong account, or for another registry: dockerd offers a mirror the credentials for Docker Hub. */
export const refusedLogin: Login = { reader: anonymous, outcome: 'refused' };

/** What a challenge is about. */
export interface ChallengeSubject {
  /** What a token must grant, such as `repository:library/nginx:pull`; undefined for the whole registry. */
  readonly scope?: string | undefined;
  /** What is wrong with the request's token (RFC 6750, section 3.1). */
  readonly error?: 'insufficient_scope' | 'invalid_token' | undefined;
}

/** One authentication scheme, such as Basic or Bearer. */
export interface AuthScheme {
  /** As `Authorization` begins, in lower case. */
  readonly name: 'basic' | 'bearer';
  /**
   * Checks what follows the scheme's name in `Authorization`. Rejects with RegistryError when that cannot be
   * done now.
   * @param client its address, so that attempts of one client do not delay another
   */
  login(credentials: string, client: string): Promise<Login>;
  /** A value of `WWW-Authenticate`. */
  challenge(subject: ChallengeSubject): string;
}

/**
 * A challenge as `WWW-Authenticate` has it. Parameters that are undefined are left out.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export function challenge(scheme: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const list = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${quotable(value)}"`],
  );
  return `${scheme} ${list.join(',')}`;
}

/** What a quoted string may hold: nothing that ends it, the header, or the line. */
function quotable(text: string): string {
  return text.replaceAll(/[^ -~]/g, '?').replaceAll(/["\\]/g, String.raw`\$&`);
}

/** Which groups a user is in (`access.groups`). @param members names of users by name of group */
export function groupsByUser(members: Readonly<Record<string, readonly string[]>>): Groups {
  const groups = new Map<string, readonly string[]>();
  for (const [group, users] of Object.entries(members)) {
    for (const user of new Set(users)) groups.set(user, [...(groups.get(user) ?? []), group]);
  }
  return groups;
}

/** Names of groups by name of user. */
export type Groups = ReadonlyMap<string, readonly string[]>;
