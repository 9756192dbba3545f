import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { pause, type Clock } from '../base/clock.ts';
import { version } from '../base/version.ts';
import { z } from '../base/zod.ts';
import { CareError, careErrorOf } from '../cache/care/care-error.ts';
import type { ByteSource } from '../cache/transfer/image-source.ts';
import { errnoOf } from '../store/file-error.ts';
import type { Logger } from '../telemetry/log.ts';
import { Answer } from './answer.ts';
import { parseContentPath } from './content-path.ts';
import { listenInFolder } from './listen-in-folder.ts';
import { itemsOf, operationNamed, type Task } from './operations.ts';
import type { ControlServices } from './services.ts';

export interface ControlServerDeps {
  /** The data folder, which this process has locked. */
  readonly folder: string;
  readonly services: ControlServices;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long operations may take to notice that they were cut off, in milliseconds. */
const timeLimitMs = 5_000;

/**
 * Lets commands on this machine use the cache while the server has it: HTTP on a Unix socket in the data
 * folder, which only the server's user can open. `POST /v1/<operation>` with JSON is answered by lines of
 * JSON, `GET /v1/content/<digest>/<offset>` by the bytes of a manifest or blob; `PUT` there takes a blob's.
 */
export class ControlServer implements AsyncDisposable {
  readonly #deps: ControlServerDeps;
  readonly #server: Server;
  readonly #answers = new Map<Answer, Promise<void>>();
  #socket: AsyncDisposable | undefined;

  private constructor(deps: ControlServerDeps) {
    this.#deps = deps;
    // A blob may take any time to arrive.
    this.#server = createServer({ requestTimeout: 0 }, (request, response) => {
      response.setHeader('Server', `entrepot/${version}`);
      response.shouldKeepAlive = false;
      const answer = new Answer(response);
      this.#answers.set(
        answer,
        this.#perform(request, answer).finally(() => this.#answers.delete(answer)),
      );
    });
    // Such as running out of file descriptors: the next connection may succeed.
    this.#server.on('error', (error) => {
      if (this.#server.listening) deps.logger.error({ err: error }, 'a command could not be accepted');
    });
  }

  /** Never rejects: where no socket can be made, pulls are served all the same, and it is logged. */
  static async open(deps: ControlServerDeps): Promise<ControlServer> {
    const control = new ControlServer(deps);
    try {
      control.#socket = await listenInFolder(control.#server, deps.folder);
    } catch (error) {
      const reason = errnoOf(error) ?? 'unknown error';
      deps.logger.warn(
        { reason, folder: deps.folder },
        'no control socket can be made in the data folder: entrepot ls, rm and the like work only while the server is stopped',
      );
    }
    return control;
  }

  /** Accepts no more requests, cuts off those under way, and resolves when the work behind them has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket === undefined) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const answer of this.#answers.keys()) {
      answer.cut(new CareError('unavailable', 'the server was stopped'));
    }
    const settled = new AbortController();
    const limit = pause(this.#deps.clock, timeLimitMs, settled.signal);
    await Promise.race([Promise.all([closed, ...this.#answers.values()]), limit]);
    settled.abort();
    this.#server.closeAllConnections();
    await this.#socket[Symbol.asyncDispose]();
  }

  async #perform(request: IncomingMessage, answer: Answer): Promise<void> {
    const { source, sink } = this.#deps.services.transfer;
    const part = parseContentPath(request.url ?? '');
    if (part !== undefined && request.method === 'PUT') {
      const size = part.offset + Number(request.headers['content-length'] ?? 0);
      const items = itemsOf(() => sink.putBlob({ ...part, size }, received(request)));
      await answer.send(items, (error) => this.#toCareError('content', error));
      return;
    }
    if (part !== undefined && request.method === 'GET') {
      const open = (): Promise<ByteSource | undefined> => source.open(part.digest, part.offset);
      await answer.sendContent(open, part.offset, (error) => this.#toCareError('content', error));
      return;
    }
    const [, name = ''] = /^\/v1\/([a-z-]+)$/.exec(request.url ?? '') ?? [];
    const operation = request.method === 'POST' ? operationNamed(name) : undefined;
    if (operation === undefined) {
      answer.refuse(404, new CareError('invalid', 'there is no such operation'));
      return;
    }
    let task: Task;
    try {
      task = operation.prepare(this.#deps.services, JSON.parse(await bodyOf(request, operation.maxInput)));
    } catch (error) {
      answer.refuse(400, new CareError('invalid', describeInput(error)));
      return;
    }
    const outcome = await answer.send(task.items, (error) => this.#toCareError(name, error));
    if (task.changes) {
      this.#deps.logger.info({ operation: name, ...task.summary, outcome }, 'maintenance command');
    }
  }

  #toCareError(operation: string, error: unknown): CareError {
    const expected = careErrorOf(error);
    if (expected !== undefined) return expected;
    this.#deps.logger.error({ operation, err: error }, 'an operation of a command failed unexpectedly');
    return new CareError('failed', 'the server met an unexpected error; its log says more');
  }
}

/** The bytes of a request. */
async function* received(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* request as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new CareError('unavailable', 'the command ended before this was done', { cause });
  }
}

/** @throws {CareError} for one that is too long, in characters */
async function bodyOf(request: IncomingMessage, maxLength: number): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  for await (const piece of request as AsyncIterable<string>) {
    body += piece;
    if (body.length > maxLength) throw new CareError('invalid', 'the request is too long');
  }
  return body;
}

function describeInput(error: unknown): string {
  if (error instanceof CareError) return error.message;
  if (!(error instanceof z.ZodError)) return 'the request is not JSON';
  const [issue] = error.issues;
  return `the request is not understood: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
}
