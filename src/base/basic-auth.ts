/** A user name and a password. Never logged. */
export interface BasicCredentials {
  readonly username: string;
  readonly password: string;
}

/**
 * The `Authorization` value of Basic authentication, in UTF-8.
 * @see https://www.rfc-editor.org/rfc/rfc7617
 */
export function basicAuthorization({ username, password }: BasicCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** Parses what follows `Basic`. Undefined for what is malformed, or has no name or no password. */
export function parseBasicCredentials(base64: string): BasicCredentials | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const pair = Buffer.from(base64, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 1 || colon === pair.length - 1) return undefined;
  return { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}
