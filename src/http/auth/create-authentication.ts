import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import { Authenticator, type AuthScheme } from './authenticator.ts';
import { BasicScheme } from './basic.ts';
import { Bcrypt } from './bcrypt.ts';
import { Groups } from './groups.ts';
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
}

export interface AuthenticationDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Authentication {
  /** Undefined when no way to log in is configured: then everyone is anonymous. */
  readonly authenticator: Authenticator | undefined;
  /** Reads the files again that may have changed. Never rejects. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** The realm when there are no accounts here, only the clients' own at the registries. */
const passthroughRealm = 'Entrepot';

/** Rejects with HtpasswdError or TokenKeyError when a file cannot be used. */
export async function createAuthentication(
  { htpasswd, token, passthrough, groups: members }: AuthenticationSettings,
  { clock, logger }: AuthenticationDependencies,
): Promise<Authentication> {
  const groups = new Groups(members);
  const bcrypt = new Bcrypt();
  const schemes: AuthScheme[] = [];
  const file =
    htpasswd === undefined ? undefined : await HtpasswdFile.open({ path: htpasswd.path, clock, logger });
  if (file !== undefined || passthrough) {
    schemes.push(
      new BasicScheme({
        realm: htpasswd?.realm ?? passthroughRealm,
        passwords: file === undefined ? undefined : new Passwords(file, bcrypt, clock),
        passthrough,
        groups,
      }),
    );
  }
  if (token !== undefined) {
    // Most have no token service: what reads tokens is not loaded for them.
    const [{ BearerScheme }, { TokenKeys }] = await Promise.all([
      import('./bearer.ts'),
      import('./token-keys.ts'),
    ]);
    const { keys, signingalgorithms: algorithms, ...rest } = token;
    schemes.push(new BearerScheme({ ...rest, algorithms, keys: await TokenKeys.read(keys), groups, clock }));
  }
  return {
    authenticator: schemes.length === 0 ? undefined : new Authenticator(schemes),
    reload: async () => await file?.reload(),
    close: () => bcrypt.close(),
  };
}
