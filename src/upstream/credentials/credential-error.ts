/** Why credentials could not be obtained. The message names files, programs and hosts, and quotes nothing of their contents. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

/** The system's name of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
