import type { IncomingMessage, Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import { repeatedLine } from '../../telemetry/repeated-line.ts';
import { accessRecord } from '../access-log.ts';
import { clientAddress } from '../client-address.ts';
import type { Exchange } from '../exchange.ts';
import { RequestIds } from '../request-id.ts';
import { CachedAnswer } from './cached-answer.ts';
import { ClientConnection } from './connection.ts';
import { isCacheable, isIntact } from './cacheable.ts';

/** Of answers that are kept, in bytes. */
const maxSize = 16 * 1024 * 1024;

/** What an answer costs besides its bytes, more or less. */
const overhead = 2048;

/**
 * Answers requests from memory that are byte for byte those that the application has answered before, as long
 * as it would answer the same: without a parser, a request object or a query. For one listener, without
 * logins.
 *
 * The key of an answer is the whole head of its request: equal bytes mean the same, so that nothing has to be
 * parsed, and no header can be overlooked.
 */
export class AnswerCache {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #ids = new RequestIds();
  readonly #answers = new LRUCache<string, CachedAnswer>({
    maxSize,
    sizeCalculation: (answer, head) => answer.size + head.length + overhead,
  });
  readonly #connections = new WeakMap<Socket, ClientConnection>();
  /** Answers that the system has not taken from us. */
  readonly #unsent = new Set<Promise<boolean>>();
  #keepAliveMs = 0;
  #draining = false;
  #second = NaN;
  #date = '';

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Takes part in the connections of a server from now on. Once, before any other `request` listener. */
  attach(server: Server): void {
    this.#keepAliveMs = server.keepAliveTimeout;
    const answer = this.answer.bind(this);
    const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
    server.on(event, (socket: Socket) => {
      const client = clientAddress(socket);
      if (client !== undefined) this.#connections.set(socket, new ClientConnection(answer, socket, client));
    });
    server.on('request', (incoming, outgoing) => {
      this.#connections.get(incoming.socket)?.begun(incoming, outgoing);
    });
  }

  /** Keeps the answer of an exchange that begins, should it turn out to be one that may be given again. */
  readonly watch = (exchange: Exchange): void => {
    if (exchange.bindings === undefined) return;
    const { incoming, outgoing } = exchange.bindings;
    const connection = this.#connections.get(incoming.socket);
    const head = connection?.head;
    if (connection === undefined || head === undefined || !isCacheable(incoming)) return;
    outgoing.once('finish', () => {
      // By now it is known whether this was all that the parser found in it.
      if (connection.head === head) this.#store(head, exchange, incoming);
    });
  };

  /** Answers nothing from now on; resolves when all that was answered is on its way. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.all(this.#unsent);
  }

  /**
   * Answers a request that is just this head, on a connection with nothing else to send, if the answer is cached and
   * still valid.
   * @returns undefined if it is not; else whether it was sent before the connection was cut, perhaps as a promise
   */
  answer(head: string, socket: Socket, client: string): Promise<boolean> | true | undefined {
    const answer = this.#answers.get(head);
    if (answer === undefined || this.#draining) return undefined;
    if (!answer.holds) {
      this.#answers.delete(head);
      return undefined;
    }
    const id = this.#ids.take(undefined);
    const startedAt = this.#clock.now();
    const sending = send(socket, answer.text(id, this.#dateAt(startedAt)));
    answer.usedAt(this.#clock.monotonic());
    if (sending === undefined) {
      answer.line.write(id, client);
      return true;
    }
    const sent = sending.then((isSent) => {
      this.#unsent.delete(sent);
      const durationMs = this.#clock.now() - startedAt;
      if (isSent && durationMs === 0) {
        answer.line.write(id, client);
      } else {
        const outcome = isSent ? { durationMs } : { durationMs, bytes: 0, aborted: true };
        this.#logger.info({ requestId: id, client, ...answer.record, ...outcome }, 'request');
      }
      return isSent;
    });
    this.#unsent.add(sent);
    return sent;
  }

  #store(head: string, exchange: Exchange, incoming: IncomingMessage): void {
    const { status, sent, answer } = exchange;
    const validity = answer?.validity;
    if (status !== 200 || sent === undefined || validity === undefined || !isIntact(sent)) return;
    // Given again, it takes no time.
    const record = accessRecord(exchange, incoming, 0);
    const names = ['requestId', 'client'];
    const line = repeatedLine({ logger: this.#logger, names, fields: record, message: 'request' });
    const cached = CachedAnswer.of({ ...sent, validity, record }, this.#keepAliveMs, line);
    if (cached?.holds === true) this.#answers.set(head, cached);
  }

  /** As Node's own `Date`, made once a second. */
  #dateAt(now: number): string {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = new Date(now).toUTCString();
    }
    return this.#date;
  }
}

/**
 * Writes a text in latin1. @returns undefined if the system has taken it; else a promise of whether it does
 */
function send(socket: Socket, text: string): Promise<boolean> | undefined {
  // Node never says of TLS at once that it is sent.
  if (socket instanceof TLSSocket) return written(socket, text);
  socket.write(text, 'latin1');
  // What is written next is called back in its turn.
  return socket.writableLength === 0 ? undefined : written(socket, '');
}

function written(socket: Socket, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    socket.write(text, 'latin1', (error) => resolve(!(error instanceof Error)));
  });
}
