/** Keys of a token service that cannot be used. The message names the file. */
export class TokenKeyError extends Error {
  override readonly name = 'TokenKeyError';
  readonly code = 'TOKEN_KEY';
}
