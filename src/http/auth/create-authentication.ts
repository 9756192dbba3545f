import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import { groupsByUser, type AuthScheme } from './auth-scheme.ts';
import { Authenticator } from './authenticator.ts';
import { BasicScheme } from './basic.ts';
import { Bcrypt } from './bcrypt.ts';
import { HtpasswdFile } from './htpasswd-file.ts';
import { Passwords } from './passwords.ts';
import type { TokenKeyFiles } from './token-keys.ts';

export interface TokenSettings {
  readonly realm: URL;
  readonly service: string;
  readonly issuer: string;
  readonly keys: TokenKeyFiles;
  readonly signingalgorithms: readonly string[];
}

export interface AuthenticationSettings {
  readonly htpasswd: { readonly realm: string; readonly path: string } | undefined;
  readonly token: TokenSettings | undefined;
  readonly passthrough: boolean;
  /** Names of users by name of group. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Whether all have to log in. */
  readonly closed: boolean;
}

interface Authentication extends AsyncDisposable {
  /** Undefined when no way to log in is configured: then everyone is anonymous. */
  readonly authenticator: Authenticator | undefined;
  /** Reads the files again that may have changed. Never rejects. */
  reload(): Promise<void>;
}

/** The realm when there are no accounts here, only the clients' own at the registries. */
const passthroughRealm = 'Entrepot';

/** Rejects with AuthFileError when a file cannot be used. */
export async function createAuthentication(
  { htpasswd, token, passthrough, groups: members, closed }: AuthenticationSettings,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<Authentication> {
  const groups = groupsByUser(members);
  const bcrypt = new Bcrypt();
  const schemes: AuthScheme[] = [];
  const file = htpasswd && (await HtpasswdFile.open({ path: htpasswd.path, clock, logger }));
  if (file !== undefined || passthrough) {
    const realm = htpasswd?.realm ?? passthroughRealm;
    const passwords = file && new Passwords(file, bcrypt, clock);
    schemes.push(new BasicScheme({ realm, passwords, passthrough, groups }));
  }
  if (token !== undefined) {
    // Most have no token service: what reads tokens is not loaded for them.
    const { BearerScheme } = await import('./bearer.ts');
    const { TokenKeys } = await import('./token-keys.ts');
    const { keys, signingalgorithms: algorithms, ...rest } = token;
    schemes.push(new BearerScheme({ ...rest, algorithms, keys: await TokenKeys.read(keys), groups, clock }));
  }
  return {
    authenticator: schemes.length === 0 ? undefined : new Authenticator({ schemes, closed, logger, clock }),
    reload: async () => await file?.reload(),
    [Symbol.asyncDispose]: () => bcrypt[Symbol.asyncDispose](),
  };
}
