import { getCACertificates } from 'node:tls';
import { Agent } from 'undici';
import type { Logger } from '../telemetry/log.ts';
import type { Lane, Sender, UpstreamRequest, UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';
import { ResponseBody } from './response-body.ts';
import { transportError } from './transport-error.ts';

/** Time limits in milliseconds. */
export interface Timeouts {
  /** For a connection, TLS included. */
  readonly connectMs: number;
  /** From the request sent to the answer's headers. */
  readonly headerMs: number;
  /** Between two pieces of a body; a small body has this long in all. */
  readonly idleMs: number;
}

/** Connections to one origin at a time; more requests wait for one of them. */
const maxConnections: Readonly<Record<Lane, number>> = { metadata: 32, blob: 128 };

export interface TransportOptions {
  readonly timeouts: Timeouts;
  /** A certificate authority in PEM form, trusted besides the usual ones. */
  readonly ca?: string | undefined;
  readonly userAgent: string;
  readonly logger: Logger;
}

/** HTTP/1.1 to upstreams: one request, one answer, no opinion on statuses. */
export class Transport implements Sender {
  readonly #agents: Readonly<Record<Lane, Agent>>;
  readonly #userAgent: string;
  readonly #logger: Logger;

  constructor({ timeouts, ca, userAgent, logger }: TransportOptions) {
    const agent = (lane: Lane): Agent =>
      new Agent({
        connections: maxConnections[lane],
        // Blobs in parallel want connections of their own, and one cut stream must not end others.
        allowH2: false,
        connect: {
          timeout: timeouts.connectMs,
          ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
        },
        headersTimeout: timeouts.headerMs,
        bodyTimeout: timeouts.idleMs,
      });
    this.#agents = { metadata: agent('metadata'), blob: agent('blob') };
    this.#userAgent = userAgent;
    this.#logger = logger;
  }

  async send({ method, url, headers, body, lane, signal }: UpstreamRequest): Promise<UpstreamResponse> {
    // The query is left out of logs: that of a CDN's URL is a signature.
    const log = { method, host: url.host, path: url.pathname };
    if (signal?.aborted === true) {
      throw new UpstreamError('aborted', `${url.host}: the request was given up`, { cause: signal.reason });
    }
    try {
      const answer = await this.#agents[lane].request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { 'user-agent': this.#userAgent, 'accept-encoding': 'identity', ...headers },
        body: body ?? null,
        signal: signal ?? null,
      });
      this.#logger.trace({ ...log, status: answer.statusCode }, 'upstream answered');
      return {
        status: answer.statusCode,
        headers: answer.headers,
        url,
        body: new ResponseBody(answer.body, (error) => transportError(error, url.host, signal)),
      };
    } catch (error) {
      const failure = transportError(error, url.host, signal);
      this.#logger.trace({ ...log, kind: failure.kind }, 'upstream did not answer');
      throw failure;
    }
  }

  /** Closes all connections; requests under way reject as `aborted`. */
  async close(): Promise<void> {
    await Promise.all(Object.values(this.#agents).map((agent) => agent.destroy()));
  }
}
