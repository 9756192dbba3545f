import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { CareError } from '../cache/care/care-error.ts';
import type { BlobOutcome, GivenBlob } from '../cache/transfer/content-sink.ts';
import { blobOutcome } from '../cache/transfer/sink-schemas.ts';
import type { Digest } from '../oci/digest.ts';
import { errnoOf } from '../store/file-error.ts';
import { contentPath } from './content-path.ts';
import { itemsOf } from './lines.ts';
import type { Operation } from './operations.ts';
import { LongPathError, socketName, socketPath, type SocketPath } from './socket-path.ts';
import { Upload } from './upload.ts';

/** Sends requests to the server that has a data folder, through the socket in it. */
export class ControlClient {
  readonly #folder: string;
  readonly #signal: AbortSignal | undefined;

  /** @param signal aborts requests, which then reject with its reason */
  constructor(folder: string, signal?: AbortSignal) {
    this.#folder = folder;
    this.#signal = signal;
  }

  /**
   * Whether a server listens.
   * @throws {CareError} when it cannot be connected to
   */
  async isAnswered(): Promise<boolean> {
    await using socket = await this.#path();
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
   * @throws {CareError} as the server answered, or `unavailable` when it cannot be reached or went away
   */
  async *ask<Input, Item>(operation: Operation<Input, Item>, input: Input): AsyncGenerator<Item> {
    await using socket = await this.#path();
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
      if (response.statusCode === 404) throw otherVersion(response, `and cannot do "${operation.name}"`);
      for await (const item of itemsOf(response.setEncoding('utf8') as AsyncIterable<string>)) {
        const read = operation.item.safeParse(item);
        if (!read.success) throw otherVersion(response, 'whose answer is not understood', read.error);
        yield read.data;
      }
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw error instanceof CareError ? error : unavailable(error);
    } finally {
      sent.destroy();
    }
  }

  /**
   * The bytes of a manifest or blob, from an offset; undefined when it is not cached.
   * @throws {CareError} as {@link ask}; an error while it is read is the reader's
   */
  async content(digest: Digest, offset: number): Promise<IncomingMessage | undefined> {
    await using socket = await this.#path();
    const sent = request({
      socketPath: socket.path,
      path: contentPath(digest, offset),
      headers: { Host: 'entrepot' },
      signal: this.#signal,
    });
    try {
      sent.end();
      const response = await responseTo(sent);
      if (response.statusCode === 200) return response;
      if (response.statusCode === 404) throw otherVersion(response, 'and cannot send content');
      if (response.statusCode !== 204) {
        // An error.
        await Array.fromAsync(itemsOf(response.setEncoding('utf8') as AsyncIterable<string>));
      }
      sent.destroy();
      return undefined;
    } catch (error) {
      sent.destroy();
      this.#signal?.throwIfAborted();
      throw error instanceof CareError ? error : unavailable(error);
    }
  }

  /**
   * Gives a blob's bytes from its offset on. Rejects as {@link ask}, or with what `bytes` fails with.
   */
  async give(blob: GivenBlob, bytes: AsyncIterable<Uint8Array>): Promise<BlobOutcome> {
    await using socket = await this.#path();
    const { digest, size, offset } = blob;
    const sent = request({
      socketPath: socket.path,
      path: contentPath(digest, offset),
      method: 'PUT',
      headers: { 'Content-Length': size - offset, Host: 'entrepot' },
      signal: this.#signal,
    });
    const upload = new Upload(sent);
    try {
      return await upload.answered(bytes, responseTo(sent).then(readOutcome));
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (upload.failed || error instanceof CareError) throw error;
      throw unavailable(error);
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

function responseTo(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // The listener stays: an error after the response is also the reader's.
    sent.once('response', resolve).on('error', reject);
  });
}

async function readOutcome(response: IncomingMessage): Promise<BlobOutcome> {
  if (response.statusCode === 404) throw otherVersion(response, 'and takes no content');
  const [item] = await Array.fromAsync(itemsOf(response.setEncoding('utf8') as AsyncIterable<string>));
  const read = blobOutcome.safeParse(item);
  if (!read.success) throw otherVersion(response, 'whose answer is not understood', read.error);
  return read.data;
}

/** There is no socket, or the server that made it has ended. */
function isAbsent(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ECONNREFUSED';
}

/** What is told of an error of the connection. */
export function unavailable(cause: unknown): CareError {
  const errno = errnoOf(cause) ?? 'unknown error';
  const message =
    errno === 'EACCES'
      ? 'only the user that the server runs as may do this: run it as that one, or as root'
      : isAbsent(cause) || errno === 'ECONNRESET' || errno === 'EPIPE'
        ? 'the server ended before this was done'
        : `the server cannot be asked: ${errno}`;
  return new CareError('unavailable', message, { cause });
}

function otherVersion({ headers }: IncomingMessage, fault: string, cause?: Error): CareError {
  const server = String(headers['server'] ?? 'unknown');
  return new CareError(
    'unavailable',
    `the server that has the data folder is another version (${server}) ${fault}: restart it, or stop it first`,
    { cause },
  );
}
