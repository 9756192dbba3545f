import { z } from '../../base/zod.ts';
import { jsonAnswer } from '../json-answer.ts';
import type { ResponseHeaders } from '../headers.ts';

/** What lasts longer is asked for again after a day, in seconds. */
const maxLifetime = 24 * 60 * 60;

/** The specification's word for answers without `expires_in`, in seconds. */
const defaultLifetime = 60;

/** Whatever a header can hold: services ignore the characters of RFC 6750, and clients let them. */
const bearerToken = z.string().regex(/^[\x21-\x7e]+$/);

/** `token` is the token service protocol's, `access_token` OAuth2's; either or both may come. */
const tokenAnswer = z
  .object({
    token: bearerToken.optional().catch(undefined),
    access_token: bearerToken.optional().catch(undefined),
    expires_in: z.number().nonnegative().catch(defaultLifetime),
    refresh_token: z.string().min(1).optional().catch(undefined),
  })
  .transform(
    ({ token, access_token: accessToken, expires_in: lifetime, refresh_token: refreshToken }, context) => {
      const value = token ?? accessToken;
      if (value !== undefined) return { value, lifetime: Math.min(lifetime, maxLifetime), refreshToken };
      context.addIssue('no token');
      return z.NEVER;
    },
  );

export interface TokenAnswer {
  readonly value: string;
  /** In seconds. */
  readonly lifetime: number;
  readonly refreshToken: string | undefined;
}

/** @throws {UpstreamError} `invalid` for anything that holds no token */
export function parseTokenAnswer(bytes: Buffer, host: string, headers: ResponseHeaders): TokenAnswer {
  return jsonAnswer(tokenAnswer, 'token', bytes, host, headers);
}
