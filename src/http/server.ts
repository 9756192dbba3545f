import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { pause, type Clock } from '../base/clock.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Logger } from '../telemetry/log.ts';
import type { AnswerCache } from './answer-cache/answer-cache.ts';
import { answerPlainHttp, renewTls, secureOptions, type TlsOptions } from './tls.ts';
import { maxHeaderSize, refuseBadRequests, untargetedResponse } from './bad-requests.ts';

/** Where to listen. */
export interface ListenAddress {
  /** A name, or an address without brackets; undefined for every interface, IPv6 and IPv4. */
  readonly host: string | undefined;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** In milliseconds. */
export interface ServerTimeouts {
  /** For a request's head to arrive in whole. */
  readonly head: number;
  /** For a request to arrive in whole, body included. */
  readonly request: number;
  /** Until an idle connection is closed. Longer than the 90 s of Go's clients, so that they close first. */
  readonly keepAlive: number;
  /** Without a byte moving either way in mid-request: the client has stopped reading. */
  readonly stalled: number;
}

interface HttpServerDeps {
  readonly app: Hono;
  readonly listen: ListenAddress;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tls?: TlsOptions | undefined;
  /** The upstream that this address is bound to; undefined for all. */
  readonly upstream?: UpstreamName | undefined;
  readonly timeouts?: Partial<ServerTimeouts> | undefined;
  /** Answers from memory, of this server alone; undefined: the app answers everything. */
  readonly answerCache?: AnswerCache | undefined;
}

const defaultTimeouts: ServerTimeouts = {
  head: 20_000,
  request: 120_000,
  keepAlive: 120_000,
  stalled: 600_000,
};

const tlsHandshakeMs = 10_000;

/** Requests that may wait on one connection for the answers before them. */
const maxPipelined = 32;

/** Serves an app on a socket, and drains it at the end. */
export class HttpServer {
  readonly #deps: HttpServerDeps;
  readonly #server: Server | TlsServer;
  readonly #inFlight = new Set<ServerResponse>();
  readonly #pipelined = new WeakMap<Socket, number>();
  readonly #listener: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;
  #draining = false;

  constructor(deps: HttpServerDeps) {
    const { app, clock, logger, tls, upstream, answerCache } = deps;
    this.#deps = deps;
    this.#listener = getRequestListener(
      (web, { incoming, outgoing }) =>
        app.fetch(web, { incoming, outgoing, upstream, onExchange: answerCache?.watch }),
      {
        overrideGlobalObjects: false,
        // For HTTP/1.0, where some health checks send no Host.
        hostname: 'localhost',
        errorHandler: untargetedResponse,
      },
    );
    const server = nodeServer({ ...defaultTimeouts, ...deps.timeouts }, tls);
    this.#server = server;
    // Such as running out of file descriptors: the next connection may succeed.
    server.on('error', (error) => {
      if (server.listening) logger.error({ err: error }, 'a connection could not be accepted');
    });
    refuseBadRequests(server, {
      clock,
      logger,
      answering: (socket) => [...this.#inFlight].find((outgoing) => outgoing.socket === socket),
    });
    answerCache?.attach(server);
    server.on('request', (incoming, outgoing) => this.#accept(incoming, outgoing));
  }

  /** Resolves when connections are taken; rejects with the system's error, such as EADDRINUSE. */
  async listen(): Promise<AddressInfo> {
    const { host, port } = this.#deps.listen;
    this.#server.listen({ port, ...(host === undefined ? undefined : { host }) });
    await once(this.#server, 'listening');
    return this.address;
  }

  /**
   * Uses other certificates from the next connection on. Whether clients must show one stays as it was.
   * @throws TlsError or the error of OpenSSL for what cannot be used; the old ones then stay
   */
  renewTls(tls: TlsOptions): void {
    if (this.#server instanceof TlsServer) renewTls(this.#server, tls);
  }

  get address(): AddressInfo {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    return address;
  }

  /**
   * Takes no more connections, lets requests under way end, and after `ms` milliseconds destroys what is
   * left. Resolves when every connection is closed.
   */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    for (const outgoing of this.#inFlight) outgoing.shouldKeepAlive = false;
    const settled = new AbortController();
    const deadline = pause(this.#deps.clock, ms, settled.signal);
    // For Node, connections with answers from the cache are idle: it would close them before those are sent.
    await Promise.race([this.#deps.answerCache?.drain(), deadline]);
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    const cut = deadline.then((isOver) => {
      if (isOver) this.#server.closeAllConnections();
    });
    await closed;
    settled.abort();
    await cut;
    // Those that were cut have their lines in the log by then.
    await this.#deps.answerCache?.drain();
  }

  #accept(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (outgoing.socket !== null) {
      this.#begin(incoming, outgoing);
      return;
    }
    // Pipelined. Its turn comes with the connection; if that closes before, Node does not tell its end.
    const { socket } = incoming;
    const waiting = (this.#pipelined.get(socket) ?? 0) + 1;
    this.#pipelined.set(socket, waiting);
    if (waiting > maxPipelined) {
      socket.destroy();
      return;
    }
    outgoing.once('socket', () => {
      this.#pipelined.set(socket, (this.#pipelined.get(socket) ?? 1) - 1);
      this.#begin(incoming, outgoing);
    });
  }

  #begin(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (this.#draining) outgoing.shouldKeepAlive = false;
    this.#inFlight.add(outgoing);
    outgoing.once('close', () => {
      this.#inFlight.delete(outgoing);
      // An answer whose head had gone out before the drain leaves its connection open.
      if (this.#draining) this.#server.closeIdleConnections();
    });
    void this.#listener(incoming, outgoing);
  }
}

function nodeServer(timeouts: ServerTimeouts, tls: TlsOptions | undefined): Server | TlsServer {
  const { head, request, keepAlive, stalled } = timeouts;
  const options = {
    maxHeaderSize,
    headersTimeout: head,
    requestTimeout: request,
    keepAliveTimeout: keepAlive,
    connectionsCheckingInterval: Math.max(50, Math.min(head, request) / 4),
  };
  const hasClientCas = tls?.clientCas !== undefined;
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({
          ...options,
          ...secureOptions(tls),
          handshakeTimeout: tlsHandshakeMs,
          requestCert: hasClientCas,
          rejectUnauthorized: hasClientCas,
        });
  if (server instanceof TlsServer) answerPlainHttp(server);
  server.timeout = stalled;
  return server;
}
