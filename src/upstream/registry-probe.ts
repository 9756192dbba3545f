import type { Clock } from '../base/clock.ts';
import { urlBelow } from './endpoint.ts';
import { errorCode } from './answer-error.ts';
import type { AuthorizedSender } from './auth/authorized-sender.ts';
import { parseChallenges } from './auth/challenge.ts';
import { headerLines, headerText, mediaType } from './headers.ts';
import type { UpstreamRequest } from './http-message.ts';
import type { Transport } from './transport.ts';

/** What a registry answers to a request without credentials. */
export interface Ping {
  readonly status: number;
  /** How far the registry's clock is ahead, in milliseconds, give or take a second; undefined if unknown. */
  readonly skewMs: number | undefined;
  /** The scope that it asks a login to have; empty for none. */
  readonly scope: string;
  /** Whether it is labelled as a web page. */
  readonly isPage: boolean;
}

interface RegistryProbeDeps {
  readonly url: URL;
  readonly transport: Transport;
  readonly authorized: AuthorizedSender;
  readonly clock: Clock;
}

/** A manifest that no registry has. */
const nothing = 'v2/library/entrepot-probe/manifests/none';

/** Finds out how one registry receives us. Each request is made once, and costs no pull. */
export class RegistryProbe {
  readonly url: URL;
  readonly #deps: RegistryProbeDeps;

  constructor(deps: RegistryProbeDeps) {
    this.url = deps.url;
    this.#deps = deps;
  }

  /** The host of the proxy in between; undefined for none. */
  get proxy(): string | undefined {
    return this.#deps.transport.proxyOf(this.url);
  }

  /** @throws {UpstreamError} when there is no answer */
  async ping(signal?: AbortSignal): Promise<Ping> {
    const { transport, clock } = this.#deps;
    const { status, headers, body } = await transport.send(this.#request(signal));
    body.discard();
    const date = Date.parse(headerText(headers, 'date') ?? '');
    const [challenge] = parseChallenges(headerLines(headers, 'www-authenticate'));
    return {
      status,
      skewMs: Number.isNaN(date) ? undefined : date - clock.now(),
      scope: challenge?.parameters.get('scope') ?? '',
      isPage: mediaType(headers) === 'text/html',
    };
  }

  /**
   * The status of the answer to a request with the authorization that the registry asks for, perhaps an
   * anonymous token.
   * @param scope as its {@link Ping} has it
   * @throws {UpstreamError} when there is no token, or no answer
   */
  async login(scope: string, signal?: AbortSignal): Promise<number> {
    const { status, body } = await this.#deps.authorized.send(this.#request(signal), scope);
    body.discard();
    return status;
  }

  /**
   * Whether a registry without `/v2/`, as Ollama's (ollama#6510), says in a registry's way that it has no
   * such manifest.
   * @throws {UpstreamError} when there is no answer
   */
  async knowsManifests(signal?: AbortSignal): Promise<boolean> {
    const response = await this.#deps.transport.send(this.#request(signal, nothing));
    const code = await errorCode(response);
    return response.status === 404 && /^(?:MANIFEST|NAME)_/.test(code ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#deps.transport[Symbol.asyncDispose]();
  }

  #request(signal: AbortSignal | undefined, path = 'v2/'): UpstreamRequest {
    return { method: 'GET', url: urlBelow(this.url, path), headers: {}, pool: 'metadata', signal };
  }
}
