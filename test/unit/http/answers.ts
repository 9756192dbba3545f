/** The body of registry:2's answer to what it does not support. */
export const unsupported = '{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}\n';

/** A digest of something that no fake mirror holds. */
export const unheld = `sha256:${'f'.repeat(64)}`;

/** The code of the first error in an answer. */
export async function errorCode(response: Response): Promise<unknown> {
  const body = (await response.json()) as { errors: { code: unknown }[] };
  return body.errors[0]?.code;
}
