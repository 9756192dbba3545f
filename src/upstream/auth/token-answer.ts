import { z } from '../../base/zod.ts';
import { described } from '../described.ts';
import type { ResponseHeaders } from '../headers.ts';
import { UpstreamError } from '../registry.ts';

/** What lasts longer is asked for again after a day, in seconds. */
const maxLifetime = 24 * 60 * 60;

/** The specification's word for answers without `expires_in`, in seconds. */
const defaultLifetime = 60;

/**
 * Whatever can stand in a header: not every service keeps to the characters of RFC 6750, and no client
 * insists on them.
 */
const bearerToken = z.string().regex(/^[\x21-\x7e]+$/);

/** `token` is the token service's own protocol, `access_token` OAuth2; some answer with both, some with either. */
const tokenAnswer = z
  .object({
    token: bearerToken.optional().catch(undefined),
    access_token: bearerToken.optional().catch(undefined),
    expires_in: z.number().nonnegative().catch(defaultLifetime),
    refresh_token: z.string().min(1).optional().catch(undefined),
  })
  .transform((answer) => ({
    value: answer.token ?? answer.access_token,
    lifetime: Math.min(answer.expires_in, maxLifetime),
    refreshToken: answer.refresh_token,
  }));

export interface TokenAnswer {
  readonly value: string;
  /** In seconds. */
  readonly lifetime: number;
  readonly refreshToken: string | undefined;
}

/**
 * Reads a token service's answer. Parse errors quote what they could not read, which may be a token: they are not kept
 * as causes.
 * @throws {UpstreamError} `invalid` for anything that holds no token
 */
export function parseTokenAnswer(bytes: Buffer, host: string, headers: ResponseHeaders): TokenAnswer {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new UpstreamError(
      'invalid',
      `${host}: the token service's answer is not JSON: ${described(headers, bytes)}`,
    );
  }
  const { success, data } = tokenAnswer.safeParse(json);
  if (!success || data.value === undefined) {
    throw new UpstreamError(
      'invalid',
      `${host}: the token service's answer holds no token: ${described(headers, bytes)}`,
    );
  }
  return { ...data, value: data.value };
}
