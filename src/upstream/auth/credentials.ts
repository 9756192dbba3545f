import { createHash } from 'node:crypto';
import { basicAuthorization, type BasicCredentials } from '../../base/basic-auth.ts';

/** A refresh token from `docker login`, which the token service exchanges for bearer tokens. */
export interface IdentityToken {
  readonly identityToken: string;
}

/** A bearer token that the registry itself takes, without a token service. */
interface RegistryToken {
  readonly registryToken: string;
}

/** The credentials of an account, sent to an upstream or its token service. Never logged. */
export type Credentials = BasicCredentials | IdentityToken | RegistryToken;

/** Where credentials come from. Asked anew each time, so that they may change while Entrepot runs. */
export interface CredentialProvider {
  /** The credentials for the registry at `host` (and port, if not the default); undefined for none. */
  get(host: string): Promise<Credentials | undefined>;
  /** They were refused: forget what is cached, so that the next `get` asks the source itself. */
  refused?(host: string): void;
}

/** Every spelling of a secret, none of which may be in a message. */
export function secretsOf(credentials: Credentials | undefined): readonly string[] {
  if (credentials === undefined) return [];
  if ('identityToken' in credentials) return written(credentials.identityToken);
  if ('registryToken' in credentials) return written(credentials.registryToken);
  return [...written(credentials.password), basicAuthorization(credentials).slice('Basic '.length)];
}

function written(secret: string): readonly string[] {
  return secret === '' ? [] : [secret, encodeURIComponent(secret)];
}

/** A fingerprint: the same text for the same credentials, which cannot be recovered from it. */
export function fingerprint(credentials: Credentials): string {
  const parts =
    'password' in credentials
      ? ['basic', credentials.username, credentials.password]
      : 'identityToken' in credentials
        ? ['identity', credentials.identityToken]
        : ['registry', credentials.registryToken];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}
