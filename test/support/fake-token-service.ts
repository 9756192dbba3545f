import { randomBytes } from 'node:crypto';
import { errorAnswer, jsonAnswer, type Answer } from './fake-answer.ts';
import type { FakeContent } from './fake-content.ts';
import type { FakeRequest } from './fake-listener.ts';

export interface FakeCredentials {
  readonly username: string;
  readonly password: string;
  /** What `grant_type=refresh_token` takes in place of a password. */
  readonly refreshToken?: string;
}

interface IssuedToken {
  readonly repositories: ReadonlySet<string>;
  readonly account: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface FakeTokenServiceOptions {
  readonly content: FakeContent;
  readonly credentials: FakeCredentials | undefined;
  /** In seconds. */
  readonly lifetime: number;
  readonly now: () => number;
}

/**
 * Docker Hub's token service: grants a token to whoever asks, which opens only what the asker may read; wrong
 * credentials get 401.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export class FakeTokenService {
  readonly #options: FakeTokenServiceOptions;
  readonly #valid = new Map<string, IssuedToken>();
  /** Every token ever issued, to be looked for where no secret may be. */
  readonly issued: string[] = [];

  constructor(options: FakeTokenServiceOptions) {
    this.#options = options;
  }

  answer(request: FakeRequest): Answer {
    if (request.path !== '/token') return errorAnswer(404, 'UNKNOWN', 'no such endpoint');
    const parameters = request.method === 'POST' ? new URLSearchParams(request.body) : request.query;
    const account = this.#account(request, parameters);
    if (account === 'wrong') {
      return jsonAnswer(401, { details: 'incorrect username or password' });
    }
    const now = this.#options.now();
    const token = this.#issue(parameters.getAll('scope').join(' '), account, now);
    return jsonAnswer(200, {
      token,
      access_token: token,
      expires_in: this.#options.lifetime,
      issued_at: new Date(now).toISOString(),
    });
  }

  /** What a bearer token stands for, if it is valid. */
  verify(token: string): IssuedToken | undefined {
    const issued = this.#valid.get(token);
    return issued !== undefined && issued.expiresAt > this.#options.now() ? issued : undefined;
  }

  /** All tokens issued so far become invalid. */
  expireAll(): void {
    this.#valid.clear();
  }

  #account(request: FakeRequest, parameters: URLSearchParams): string | undefined {
    const { credentials } = this.#options;
    if (request.method === 'POST') {
      const refresh = parameters.get('refresh_token');
      const right =
        refresh === null
          ? parameters.get('username') === credentials?.username &&
            parameters.get('password') === credentials?.password
          : refresh === credentials?.refreshToken;
      return right ? credentials?.username : 'wrong';
    }
    if (request.headers.authorization === undefined) return undefined;
    return isBasic(request.headers.authorization, credentials) ? credentials?.username : 'wrong';
  }

  #issue(scope: string, account: string | undefined, now: number): string {
    const repositories = new Set<string>();
    for (const part of scope.split(' ')) {
      const name = /^repository:(.+):(?:[a-z*]+,)*(?:pull|\*)(?:,[a-z*]+)*$/.exec(part)?.[1];
      const repository = name === undefined ? undefined : this.#options.content.repository(name);
      if (
        name !== undefined &&
        repository !== undefined &&
        (!repository.isPrivate || account !== undefined)
      ) {
        repositories.add(name);
      }
    }
    const token = randomBytes(48).toString('base64url');
    this.#valid.set(token, { repositories, account, expiresAt: now + this.#options.lifetime * 1000 });
    this.issued.push(token);
    return token;
  }
}

/** Whether an Authorization header is Basic with exactly these credentials. */
export function isBasic(header: string | undefined, credentials: FakeCredentials | undefined): boolean {
  if (header === undefined || credentials === undefined) return false;
  const pair = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  return header.toLowerCase().startsWith('basic ') && header.slice(6).trim() === pair;
}
