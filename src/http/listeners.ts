import type { AddressInfo } from 'node:net';
import type { Hono } from 'hono';
import type { Clock } from '../base/clock.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Logger } from '../telemetry/log.ts';
import { AnswerCache } from './answer-cache/answer-cache.ts';
import { ListenError } from './listen-error.ts';
import { HttpServer, type ListenAddress } from './server.ts';
import { outOfDate, readTls, type TlsFiles, type TlsOptions } from './tls.ts';

/** What is served at an address. */
export interface Listener {
  readonly app: Hono;
  readonly hasLogins: boolean;
  readonly addr: ListenAddress;
  /** The key of the configuration that names the address. */
  readonly key: string;
  /** The upstream that it is bound to; undefined for all. */
  readonly upstream?: UpstreamName;
}

interface ListenersDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For all addresses; undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
  /** How long requests under way may take when all is closed, in milliseconds; then they are cut. */
  readonly draintimeoutMs: number;
}

/** The servers of all addresses, and the certificate that they share. */
export class Listeners implements AsyncDisposable {
  readonly #deps: ListenersDeps;
  readonly #servers: HttpServer[] = [];

  constructor(deps: ListenersDeps) {
    this.#deps = deps;
  }

  /**
   * Listens on addresses, in that order. Resolves to the origin of each, such as `http://127.0.0.1:5000`.
   * Rejects with ListenError, with TlsError or OpenSSL's error for an unusable certificate.
   */
  async listen(listeners: readonly Listener[]): Promise<readonly string[]> {
    const { clock, logger } = this.#deps;
    const tls = this.#deps.tls && (await readTls(this.#deps.tls));
    const origins: string[] = [];
    for (const { app, key, addr, upstream, hasLogins } of listeners) {
      // Clients that log in may be answered differently from one request to the next.
      const answerCache = hasLogins ? undefined : new AnswerCache(logger, clock);
      const server = new HttpServer({ app, listen: addr, clock, logger, tls, upstream, answerCache });
      const bound = await server.listen().catch((cause: NodeJS.ErrnoException) => {
        throw new ListenError(addr, key, cause);
      });
      this.#servers.push(server);
      origins.push(origin(tls === undefined ? 'http' : 'https', addr.host, bound));
    }
    this.#warnOfDate(tls);
    return origins;
  }

  /** Reads the certificate and its key again. Never rejects: the old ones stay if the new are unusable. */
  async renewTls(): Promise<void> {
    const { logger, tls: files } = this.#deps;
    if (files === undefined) return;
    try {
      const tls = await readTls(files);
      for (const server of this.#servers) server.renewTls(tls);
      logger.info({ certificate: files.certificate }, 'the certificate was read again');
      this.#warnOfDate(tls);
    } catch (error) {
      logger.error({ err: error }, 'the new certificate or key cannot be used: the old ones stay in use');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.drain(this.#deps.draintimeoutMs)));
  }

  /** An expired certificate is used all the same: some clients do not check, and our clock may be wrong. */
  #warnOfDate(tls: TlsOptions | undefined): void {
    const reason = tls && outOfDate(tls, this.#deps.clock.now());
    if (reason !== undefined) this.#deps.logger.warn({ reason }, 'clients will refuse the certificate');
  }
}

function origin(scheme: string, host: string | undefined, { address, port }: AddressInfo): string {
  const name = host ?? address;
  return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
