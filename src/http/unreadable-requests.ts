import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { RegistryError } from '../oci/error.ts';
import type { Logger } from '../telemetry/log.ts';
import { clientAddress } from './client-address.ts';
import { errorReply } from './errors.ts';
import { contentLength } from './reply.ts';

/**
 * Of a request's head, in bytes: 64 KiB for one line, and what Node takes by default for the others. podman
 * and skopeo ask for a thousand ranges in one line, and logins of some token services have more than 16 KiB.
 */
export const maxHeaderSize = 80 * 1024;

/** How long a client may take to close its end, in milliseconds. */
const farewellMs = 1000;

const refusals: Readonly<Record<string, RegistryError>> = {
  HPE_HEADER_OVERFLOW: refusal(431, `The request's headers have more than ${maxHeaderSize / 1024} KiB.`),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: refusal(413, "The body's chunk extensions are too long."),
  ERR_HTTP_REQUEST_TIMEOUT: refusal(408, 'The request did not arrive in time.'),
};
const malformed = refusal(400, 'The request is not HTTP.');

export interface UnreadableRequestsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How far the answer has come that is on its way on a connection; undefined if there is none. */
  readonly answering: (socket: Socket) => { readonly headersSent: boolean } | undefined;
}

/**
 * Refuses what Node's parser finds no request in: says so to the client, and in the log what may have other
 * reasons than nonsense.
 */
export class UnreadableRequests {
  readonly #options: UnreadableRequestsOptions;
  readonly #refused = new WeakSet<Socket>();

  constructor(options: UnreadableRequestsOptions) {
    this.#options = options;
  }

  /** Takes a server's `clientError`. Of TLS, handshakes that fail are among them. */
  refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    // The parser complains again of each piece that comes after.
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const { code = '' } = error;
    const reason = refusals[code] ?? (code.startsWith('HPE_') ? malformed : undefined);
    const answering = this.#options.answering(socket);
    // Behind the head of an answer, another one would pass for part of its body.
    if (reason === undefined || !socket.writable || answering?.headersSent === true) {
      socket.destroy(error);
      return;
    }
    this.#log(reason, socket);
    if (answering === undefined) {
      socket.end(answerText(reason));
      this.#part(socket);
    } else {
      socket.write(answerText(reason));
      socket.destroy(error);
    }
  }

  #log({ status, message }: RegistryError, socket: Socket): void {
    const level = status === 431 ? 'warn' : 'debug';
    this.#options.logger[level](
      { client: clientAddress(socket), status, reason: message },
      'a request was refused before it was read whole',
    );
  }

  /**
   * Reads on for a moment: a connection that is closed with bytes unread is reset, and the client may never
   * see the answer.
   */
  #part(socket: Socket): void {
    const closed = new AbortController();
    socket.once('close', () => closed.abort());
    this.#options.clock.sleep(farewellMs, closed.signal).then(
      () => socket.destroy(),
      () => undefined,
    );
  }
}

function refusal(status: number, message: string): RegistryError {
  return new RegistryError('UNSUPPORTED', status, message);
}

function answerText(error: RegistryError): string {
  const reply = errorReply(error);
  const lines = [
    `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}`,
    'Docker-Distribution-Api-Version: registry/2.0',
    `Content-Length: ${contentLength(reply) ?? 0}`,
    'Connection: close',
  ];
  for (let index = 0; index < reply.headers.length; index += 2) {
    lines.push(`${reply.headers[index]}: ${reply.headers[index + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n${String(reply.body)}`;
}
