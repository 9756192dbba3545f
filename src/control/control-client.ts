import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { CareError } from '../cache/care/care-error.ts';
import { errnoOf } from '../store/file-error.ts';
import { itemsOf } from './lines.ts';
import type { Operation } from './operations.ts';
import { LongPathError, socketName, socketPath, type SocketPath } from './socket-path.ts';

/** Asks the server that has a data folder, through the socket in it. */
export class ControlClient {
  readonly #folder: string;
  readonly #signal: AbortSignal | undefined;

  /** @param signal ends what is under way; its reason is what that then rejects with */
  constructor(folder: string, signal?: AbortSignal) {
    this.#folder = folder;
    this.#signal = signal;
  }

  /**
   * Whether a server listens.
   * @throws {CareError} when there is one that cannot be spoken to
   */
  async isAnswered(): Promise<boolean> {
    const socket = await this.#path();
    await using _ = socket;
    const connection = connect(socket.path);
    try {
      await once(connection, 'connect');
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw unavailable(error);
    } finally {
      connection.destroy();
    }
  }

  /**
   * Performs an operation there. Leaving the iteration ends it there, too.
   * @throws {CareError} what the server says, or `unavailable` when it cannot be asked or went away
   */
  async *ask<Input, Item>(operation: Operation<Input, Item>, input: Input): AsyncGenerator<Item> {
    const socket = await this.#path();
    await using _ = socket;
    const sent = request({
      socketPath: socket.path,
      path: `/v1/${operation.name}`,
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Host: 'entrepot' },
      signal: this.#signal,
    });
    try {
      sent.end(JSON.stringify(input));
      const response = await responseTo(sent);
      if (response.statusCode === 404) throw tooOld(operation.name, serverOf(response));
      for await (const item of itemsOf(response.setEncoding('utf8') as AsyncIterable<string>)) {
        const read = operation.item.safeParse(item);
        if (!read.success) throw misunderstood(serverOf(response), read.error);
        yield read.data;
      }
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw error instanceof CareError ? error : unavailable(error);
    } finally {
      sent.destroy();
    }
  }

  async #path(): Promise<SocketPath> {
    try {
      return await socketPath(this.#folder, socketName);
    } catch (error) {
      throw error instanceof LongPathError
        ? new CareError(
            'unavailable',
            `a server has the data folder, and cannot be asked: ${error.message}; stop it first`,
            { cause: error },
          )
        : unavailable(error);
    }
  }
}

async function responseTo(sent: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  sent.once('response', resolve);
  sent.on('error', reject);
  return promise;
}

/** Nobody has made the socket, or whoever had made it is gone. */
function isAbsent(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ECONNREFUSED';
}

function unavailable(cause: unknown): CareError {
  const errno = errnoOf(cause) ?? 'unknown error';
  const message =
    errno === 'EACCES'
      ? 'only the user that the server runs as may do this: run it as that one, or as root'
      : isAbsent(cause) || errno === 'ECONNRESET' || errno === 'EPIPE'
        ? 'the server ended before this was done'
        : `the server cannot be asked: ${errno}`;
  return new CareError('unavailable', message, { cause });
}

/** Name and version. */
function serverOf({ headers }: IncomingMessage): string {
  return String(headers['server'] ?? 'unknown');
}

function tooOld(operation: string, server: string): CareError {
  return new CareError(
    'unavailable',
    `the server that has the data folder is another version (${server}) and cannot do "${operation}": restart it, or stop it first`,
  );
}

function misunderstood(server: string, cause: Error): CareError {
  return new CareError(
    'unavailable',
    `the server that has the data folder is another version (${server}), whose answer is not understood: restart it, or stop it first`,
    { cause },
  );
}
