/** What an upstream, or its token service, is shown to prove an account. Never logged. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Where credentials come from. Asked anew each time, so that they may change while Entrepot runs. */
export interface CredentialProvider {
  /** The credentials, or undefined for an anonymous upstream. */
  get(): Promise<Credentials | undefined>;
}

/**
 * The `Authorization` value of Basic authentication, in UTF-8.
 * @see https://www.rfc-editor.org/rfc/rfc7617
 */
export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
