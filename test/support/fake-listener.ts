import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './fake-answer.ts';
import type { FaultKind, FaultPlan, FaultTarget } from './faults.ts';
import { freePort } from './free-port.ts';
import { BandwidthLimit } from './bandwidth-limit.ts';
import { injectedAnswer, misbehave } from './misbehave.ts';
import type { LoggedRequest, RequestLog, ServerName } from './request-log.ts';
import { Sender } from './sender.ts';

/** A request as the three servers see it. */
export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What one of the hub's servers does, without the network. */
export interface FakeService {
  readonly name: ServerName;
  /** The kind of request, for faults. */
  target(path: string): FaultTarget | undefined;
  /** The digest that a path asks for, if it states one. */
  digest(path: string): string | undefined;
  /** The challenge that a 401 for that path carries, if any. */
  challenge(path: string): string | undefined;
  /** The answer, were all well; faults that concern the service itself (tokens, URLs, ranges) are seen to. */
  answer(request: FakeRequest, fault: FaultKind | undefined): Answer;
}

export interface ListenerOptions {
  readonly host: string;
  readonly service: FakeService;
  readonly faults: FaultPlan;
  readonly log: RequestLog;
  readonly now: () => number;
  /** Milliseconds that every answer takes. */
  readonly latencyMs: number;
  readonly bytesPerSecond: number | undefined;
  readonly sharedLimit: BandwidthLimit | undefined;
}

/** One HTTP server of the hub, on a port that it keeps while it goes down and comes up again. */
export class FakeListener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #connectionLimits = new WeakMap<Socket, BandwidthLimit>();
  #port = 0;
  #closed: Promise<unknown> = Promise.resolve();

  constructor(options: ListenerOptions) {
    this.#options = options;
    // Long tokens are for the test to judge, not for the server.
    const limits = { keepAliveTimeout: 60_000, maxHeaderSize: 1024 * 1024 };
    this.#server = createServer(limits, (incoming, outgoing) => {
      this.#serve(incoming, outgoing).catch(() => incoming.socket.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** The origin, such as `http://127.0.0.1:40123`. */
  get url(): string {
    return `http://${this.#options.host}:${this.#port}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Listens, on the port of the last time if there was one. */
  async up(): Promise<void> {
    await this.#closed;
    if (this.#server.listening) return;
    const { host } = this.#options;
    // A port that the system does not give to others while this one is down.
    if (this.#port === 0) this.#port = await freePort(host);
    this.#server.listen(this.#port, host);
    await once(this.#server, 'listening');
  }

  /** Refuses connections from now on and drops those that are open. */
  down(): void {
    if (!this.#server.listening) return;
    this.#closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.down();
    await this.#closed;
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { service, faults, log, now, latencyMs } = this.#options;
    const [path = '', query = ''] = (incoming.url ?? '').split('?', 2);
    const method = incoming.method ?? '';
    const entry: LoggedRequest = {
      server: service.name,
      method,
      path,
      query: new URLSearchParams(query),
      headers: incoming.headers,
      at: now(),
      status: 0,
      bytesSent: 0,
      digest: undefined,
      finished: false,
    };
    const target = service.target(path);
    const fault = faults.take({
      target,
      method,
      path,
      digest: service.digest(path),
      ranged: incoming.headers.range !== undefined,
    });
    log.add(entry);
    const body = await readBody(incoming);
    if (latencyMs > 0) await sleep(latencyMs);
    if (fault?.kind === 'delay') await sleep(fault.ms);
    if (fault?.kind === 'hold' && fault.afterBytes === undefined) await fault.until;
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'reset') {
      incoming.socket.resetAndDestroy();
      return;
    }
    const request = { method, path, query: entry.query, headers: incoming.headers, body };
    const answer =
      injectedAnswer(fault, target, service.challenge(path)) ??
      misbehave(service.answer(request, fault), fault);
    await new Sender(outgoing, entry, this.#limits(incoming.socket, fault)).send(answer, fault);
  }

  /** The limits that a body must pass. */
  #limits(socket: Socket, fault: FaultKind | undefined): readonly BandwidthLimit[] {
    const { bytesPerSecond, sharedLimit } = this.#options;
    const limits: BandwidthLimit[] = [];
    if (bytesPerSecond !== undefined) {
      const own = this.#connectionLimits.get(socket) ?? new BandwidthLimit(bytesPerSecond);
      this.#connectionLimits.set(socket, own);
      limits.push(own);
    }
    if (sharedLimit !== undefined) limits.push(sharedLimit);
    if (fault?.kind === 'slow') limits.push(new BandwidthLimit(fault.bytesPerSecond));
    return limits;
  }
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
