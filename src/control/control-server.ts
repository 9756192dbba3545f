import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { CareError } from '../cache/care/care-error.ts';
import type { Caretaker } from '../cache/care/caretaker.ts';
import { errnoOf } from '../store/file-error.ts';
import type { Logger } from '../telemetry/log.ts';
import { version } from '../base/version.ts';
import { z } from '../base/zod.ts';
import { Answer } from './answer.ts';
import { ListeningSocket } from './listening-socket.ts';
import { operationNamed, type Task } from './operations.ts';

export interface ControlServerOptions {
  /** The data folder, which this process has locked. */
  readonly folder: string;
  readonly caretaker: Caretaker;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Far more than any input, in characters. */
const maxBodyLength = 64 * 1024;

/** How long operations that were cut may take to notice, in milliseconds. */
const timeLimitMs = 5_000;

/**
 * Lets commands on this machine work on the cache while the server has it: HTTP on a Unix socket in the data folder, which only
 * the user that runs the server may open. `POST /v1/<operation>` with JSON is answered by lines of JSON.
 */
export class ControlServer {
  readonly #caretaker: Caretaker;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #answers = new Set<Answer>();
  readonly #working = new Set<Promise<void>>();
  #socket: ListeningSocket | undefined;

  private constructor({ caretaker, clock, logger }: ControlServerOptions) {
    this.#caretaker = caretaker;
    this.#clock = clock;
    this.#logger = logger;
    this.#server = createServer((request, response) => {
      const work = this.#handle(request, response).finally(() => this.#working.delete(work));
      this.#working.add(work);
    });
    // Such as running out of file descriptors: the next connection may succeed.
    this.#server.on('error', (error) => {
      if (this.#server.listening) logger.error({ err: error }, 'a command could not be accepted');
    });
  }

  /** Never rejects: a folder in which there can be no socket is no reason not to serve pulls, and is logged. */
  static async open(options: ControlServerOptions): Promise<ControlServer> {
    const control = new ControlServer(options);
    try {
      control.#socket = await ListeningSocket.open(control.#server, options.folder);
    } catch (error) {
      const reason = errnoOf(error) ?? 'unknown error';
      options.logger.warn(
        { reason, folder: options.folder },
        'no control socket can be made in the data folder: entrepot ls, rm and the like work only while the server is stopped',
      );
    }
    return control;
  }

  /** Takes no more requests, ends those under way, and resolves when nothing works for them any more. */
  async close(): Promise<void> {
    if (this.#socket === undefined) return;
    await this.#socket.remove();
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const answer of this.#answers) answer.cut(new CareError('unavailable', 'the server was stopped'));
    const settled = new AbortController();
    const limit = this.#clock.sleep(timeLimitMs, settled.signal).catch(() => undefined);
    await Promise.race([Promise.all([closed, ...this.#working]), limit]);
    settled.abort();
    this.#server.closeAllConnections();
    await this.#socket.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Server', `entrepot/${version}`);
    response.shouldKeepAlive = false;
    const answer = new Answer(response);
    this.#answers.add(answer);
    try {
      await this.#perform(request, answer);
    } finally {
      this.#answers.delete(answer);
    }
  }

  async #perform(request: IncomingMessage, answer: Answer): Promise<void> {
    const [, name = ''] = /^\/v1\/([a-z-]+)$/.exec(request.url ?? '') ?? [];
    const operation = request.method === 'POST' ? operationNamed(name) : undefined;
    if (operation === undefined) {
      answer.refuse(404, new CareError('invalid', 'there is no such operation'));
      return;
    }
    let task: Task;
    try {
      task = operation.prepare(JSON.parse(await bodyOf(request)));
    } catch (error) {
      answer.refuse(400, new CareError('invalid', describeInput(error)));
      return;
    }
    const outcome = await answer.send(task.begin(this.#caretaker), (error) => this.#toCareError(name, error));
    if (task.changes) this.#logger.info({ operation: name, ...task.input, outcome }, 'care by hand');
  }

  #toCareError(operation: string, error: unknown): CareError {
    if (error instanceof CareError) return error;
    this.#logger.error({ operation, err: error }, 'an operation of a command failed unexpectedly');
    return new CareError('failed', 'the server met an unexpected error; its log says more');
  }
}

/** @throws {CareError} for one that is too long */
async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  for await (const piece of request as AsyncIterable<string>) {
    body += piece;
    if (body.length > maxBodyLength) throw new CareError('invalid', 'the request is too long');
  }
  return body;
}

function describeInput(error: unknown): string {
  if (error instanceof CareError) return error.message;
  if (!(error instanceof z.ZodError)) return 'the request is not JSON';
  const [issue] = error.issues;
  return `the request is not understood: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
}
