import { setImmediate as turn } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../telemetry/log.ts';
import type { AddressGuard } from './address-guard.ts';
import { Arriving } from './arriving.ts';
import type { Dispatchers } from './dispatchers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';
import { ResponseBody } from './response-body.ts';
import type { UpstreamMeters } from './throttle/throttle.ts';
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

interface TransportDeps {
  readonly dispatchers: Dispatchers;
  readonly guard: AddressGuard;
  readonly timeouts: Pick<Timeouts, 'headerMs' | 'idleMs'>;
  readonly userAgent: string;
  /** Counts what is received; undefined: nothing is. */
  readonly meters: UpstreamMeters | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** HTTP/1.1 to upstreams: one request, one answer, no opinion on statuses. */
export class Transport implements Sender {
  readonly #deps: TransportDeps;

  constructor(deps: TransportDeps) {
    this.#deps = deps;
  }

  async send(sent: UpstreamRequest): Promise<UpstreamResponse> {
    const { method, url, headers, body, pool, share, signal } = sent;
    const { dispatchers, guard, timeouts, userAgent, meters, clock, logger } = this.#deps;
    // The query is left out of logs: that of a CDN's URL is a signature.
    const log = { method, host: url.host, path: url.pathname };
    if (signal?.aborted === true) {
      throw new UpstreamError('aborted', `${url.host}: the request was given up`, { cause: signal.reason });
    }
    guard.check(url);
    const asked = { host: url.host, proxy: this.proxyOf(url), signal };
    try {
      const dispatcher = await dispatchers.of(url, pool);
      const meter = pool === 'blob' ? meters?.blob(share) : meters?.small;
      const answer = new Arriving(dispatchers.memory, signal, meter);
      const request: Dispatcher.DispatchOptions = {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...headers },
        body: body ?? null,
        // undici would close the connection after a HEAD, for servers that send a body. The GET that follows
        // must not wait for a new one: over TLS that is two or three round trips.
        reset: false,
        // Stated here, since the parts of a proxied connection do not hand on what they were made with.
        headersTimeout: timeouts.headerMs,
        bodyTimeout: timeouts.idleMs,
      };
      dispatcher.dispatch(request, answer);
      const head = await answer.head;
      logger.trace({ ...log, status: head.status }, 'upstream answered');
      // A turn of the event loop later undici has the connection ready for the next request.
      if (method === 'HEAD') await turn();
      const failure = (error: unknown): UpstreamError => transportError(error, { ...asked, stage: 'body' });
      return { ...head, url, body: new ResponseBody(answer, { clock, failure }) };
    } catch (error) {
      const failure = transportError(error, { ...asked, stage: 'head' });
      logger.trace({ ...log, kind: failure.kind }, 'upstream did not answer');
      throw failure;
    }
  }

  /** Whether the operator has named the host of `url` as one that the upstream may send Entrepot to. */
  isNamed(url: URL): boolean {
    return this.#deps.guard.isNamed(url);
  }

  /** The host of the proxy through which `url` is asked; undefined for none. */
  proxyOf(url: URL): string | undefined {
    return this.#deps.dispatchers.proxyOf(url)?.host;
  }

  /** Closes all connections; requests under way reject as `aborted`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#deps.dispatchers[Symbol.asyncDispose]();
  }
}
