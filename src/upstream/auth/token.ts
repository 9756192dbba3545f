import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { answerError } from '../answer-error.ts';
import type { Sender } from '../http-message.ts';
import { UpstreamError } from '../registry.ts';
import { basicAuthorization, secretsOf, type BasicCredentials } from './credentials.ts';

/** A bearer token and its life. */
export interface Token {
  readonly value: string;
  /** Milliseconds since the epoch at which it was asked for. */
  readonly since: number;
  /** Milliseconds since the epoch from which it is no good. */
  readonly expiresAt: number;
}

/** What a token is asked for. */
export interface TokenRequest {
  readonly realm: URL;
  /** Some token services (Artifact Registry) know none. */
  readonly service: string | undefined;
  readonly scope: string;
  readonly credentials: BasicCredentials | undefined;
}

/** What lasts longer is asked for again after a day, in seconds. */
const maxLifetime = 24 * 60 * 60;

/** The specification's word for answers without `expires_in`, in seconds. */
const defaultLifetime = 60;

const maxTokenBytes = 256 * 1024;

const bearerToken = z.string().regex(/^[\w.~+/:-]+=*$/);

const tokenAnswer = z
  .object({
    token: bearerToken.optional().catch(undefined),
    access_token: bearerToken.optional().catch(undefined),
    expires_in: z.number().nonnegative().catch(defaultLifetime),
  })
  .transform(({ token, access_token: accessToken, expires_in: lifetime }) => ({
    value: token ?? accessToken,
    lifetime: Math.min(lifetime, maxLifetime),
  }));

/**
 * Asks token services for tokens.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export class TokenClient {
  readonly #sender: Sender;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  /** @param timeoutMs milliseconds within which an answer's body must be there */
  constructor(sender: Sender, clock: Clock, timeoutMs: number) {
    this.#sender = sender;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws {UpstreamError} `unauthorized` when the token service refuses the credentials */
  async fetch({ realm, service, scope, credentials }: TokenRequest): Promise<Token> {
    const url = new URL(realm);
    url.hash = '';
    if (service !== undefined) url.searchParams.set('service', service);
    // One parameter per resource, as the specification has it.
    for (const part of scope.split(' ')) url.searchParams.append('scope', part);
    const since = this.#clock.now();
    const response = await this.#sender.send({
      method: 'GET',
      url,
      headers: {
        accept: 'application/json',
        ...(credentials === undefined ? {} : { authorization: basicAuthorization(credentials) }),
      },
      lane: 'metadata',
    });
    if (response.status !== 200) {
      throw await answerError(response, this.#clock.now(), secretsOf(credentials));
    }
    const { value, lifetime } = parseTokenAnswer(
      await response.body.read(maxTokenBytes, this.#timeoutMs),
      url.host,
    );
    return { value, since, expiresAt: since + lifetime * 1000 };
  }
}

/** Parse errors quote what they could not read, which may be a token: they are not kept as causes. */
function parseTokenAnswer(
  bytes: Buffer,
  host: string,
): { readonly value: string; readonly lifetime: number } {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new UpstreamError('invalid', `${host}: the token service's answer is not JSON`);
  }
  const { success, data } = tokenAnswer.safeParse(json);
  if (!success || data.value === undefined) {
    throw new UpstreamError('invalid', `${host}: the token service's answer holds no token`);
  }
  return { value: data.value, lifetime: data.lifetime };
}
