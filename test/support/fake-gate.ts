import { errorAnswer, type Answer } from './fake-answer.ts';
import type { FakeRequest } from './fake-listener.ts';
import { isBasic, type FakeCredentials, type FakeTokenService } from './fake-token-service.ts';

/** How the registry wants to know who asks. */
export type FakeAuth = 'bearer' | 'basic' | 'none';

export interface FakeGateOptions {
  readonly auth: FakeAuth;
  readonly credentials: FakeCredentials | undefined;
  readonly tokens: FakeTokenService;
  /** The token endpoint, known once its server listens. */
  readonly realm: () => string;
}

/** The registry's door: who may pull from which repository, and the challenge for the others. */
export class FakeGate {
  readonly #options: FakeGateOptions;

  constructor(options: FakeGateOptions) {
    this.#options = options;
  }

  /** The 401 for this request, or undefined when it may pass. `repository` is empty for the ping. */
  refusal(request: FakeRequest, repository: string): Answer | undefined {
    const { auth, credentials } = this.#options;
    const header = request.headers.authorization;
    if (auth === 'none') return undefined;
    if (auth === 'basic') {
      return isBasic(header, credentials) ? undefined : unauthorized(this.challenge(repository));
    }
    if (header === undefined) return unauthorized(this.challenge(repository));
    const token = /^bearer (.+)$/i.exec(header)?.[1];
    const issued = token === undefined ? undefined : this.#options.tokens.verify(token);
    if (issued === undefined) return unauthorized(this.challenge(repository, 'invalid_token'));
    if (repository === '' || issued.repositories.has(repository)) return undefined;
    return unauthorized(this.challenge(repository, 'insufficient_scope'));
  }

  /** The challenge, as Docker Hub writes it; undefined when nobody is asked. */
  challenge(repository: string, error?: 'invalid_token' | 'insufficient_scope'): string | undefined {
    const { auth, realm } = this.#options;
    if (auth === 'none') return undefined;
    if (auth === 'basic') return 'Basic realm="Registry Realm"';
    const scope = repository === '' ? '' : `,scope="repository:${repository}:pull"`;
    const why = error === undefined ? '' : `,error="${error}"`;
    return `Bearer realm="${realm()}",service="registry.docker.io"${scope}${why}`;
  }
}

function unauthorized(challenge: string | undefined): Answer {
  const headers = challenge === undefined ? {} : { 'www-authenticate': challenge };
  return errorAnswer(401, 'UNAUTHORIZED', 'authentication required', headers);
}
