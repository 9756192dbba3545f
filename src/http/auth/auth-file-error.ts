/** A file that logins are checked with cannot be used. The message says which and why, without secrets. */
export class AuthFileError extends Error {
  override readonly name = 'AuthFileError';
  readonly code = 'AUTH_FILE';
  /** The key of the configuration that names the file. */
  readonly key: 'auth.htpasswd.path' | 'auth.token';

  constructor(key: AuthFileError['key'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.key = key;
  }
}

/** The result of `work` on a file. @throws AuthFileError instead of the system's error */
export async function readable<T>(key: AuthFileError['key'], file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new AuthFileError(key, `${file} cannot be read (${code})`, { cause });
  }
}
