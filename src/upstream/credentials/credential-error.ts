/** Why there are no credentials. The message names files, programs and hosts; it quotes no contents. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

/** The system's name of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
