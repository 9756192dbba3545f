import { STATUS_CODES, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { pause, type Clock } from '../base/clock.ts';
import { RegistryError } from '../oci/error.ts';
import type { Logger } from '../telemetry/log.ts';
import { clientAddress } from './client-address.ts';
import { errorReply } from './errors.ts';
import { contentLength, headerPairs, type HeaderList } from './reply.ts';

/**
 * Of a request's head, in bytes: 64 KiB for one line, and Node's default for the others. podman and skopeo
 * request a thousand ranges in one line, and tokens of some services have more than 16 KiB.
 */
export const maxHeaderSize = 80 * 1024;

/** How long a client may take to close its end, in milliseconds. */
export const lingerMs = 1000;

const api: HeaderList = ['Docker-Distribution-Api-Version', 'registry/2.0'];

const refusals: Readonly<Record<string, RegistryError>> = {
  HPE_HEADER_OVERFLOW: refusal(431, `The request's headers have more than ${maxHeaderSize / 1024} KiB.`),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: refusal(413, "The body's chunk extensions are too long."),
  ERR_HTTP_REQUEST_TIMEOUT: refusal(408, 'The request did not arrive in time.'),
};
const malformed = refusal(400, 'The request is not HTTP.');
const untargeted = refusal(400, 'The request has no valid target or Host.');

interface BadRequestsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How far the answer has come that is on its way on a connection; undefined if there is none. */
  readonly answering: (socket: Socket) => { readonly headersSent: boolean } | undefined;
}

/** Refuses what Node's parser cannot read; logged at `warn` if it may be more than nonsense. */
export function refuseBadRequests(server: Server, { clock, logger, answering }: BadRequestsDeps): void {
  const refused = new WeakSet<Socket>();
  // Of TLS, handshakes that fail are among them.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // The parser complains again of each piece that comes after.
    if (refused.has(socket)) return;
    refused.add(socket);
    const { code = '' } = error;
    const reason = refusals[code] ?? (code.startsWith('HPE_') ? malformed : undefined);
    const answer = answering(socket);
    // Behind the head of an answer, another one would pass for part of its body.
    if (reason === undefined || !socket.writable || answer?.headersSent === true) {
      socket.destroy(error);
      return;
    }
    const { status, message } = reason;
    logger[status === 431 ? 'warn' : 'debug'](
      { client: clientAddress(socket), status, reason: message },
      'a request was refused before it was read whole',
    );
    if (answer === undefined) {
      socket.end(answerText(reason));
      void linger(socket, clock);
    } else {
      socket.write(answerText(reason));
      socket.destroy(error);
    }
  });
}

/** The answer to a request without a Host, or with a target that is no URL. */
export function untargetedResponse(): Response {
  const { status, headers, body } = errorReply(untargeted);
  return new Response(String(body), { status, headers: [...headerPairs([...headers, ...api])] });
}

/**
 * Reads on for a moment: closing with bytes unread resets the connection, and the client may miss the answer.
 */
async function linger(socket: Socket, clock: Clock): Promise<void> {
  const closed = new AbortController();
  socket.once('close', () => closed.abort());
  await pause(clock, lingerMs, closed.signal);
  socket.destroy();
}

function refusal(status: number, message: string): RegistryError {
  return new RegistryError('UNSUPPORTED', status, message);
}

function answerText(error: RegistryError): string {
  const reply = errorReply(error);
  const length = ['Content-Length', String(contentLength(reply) ?? 0), 'Connection', 'close'];
  const lines = headerPairs([...api, ...length, ...reply.headers]).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const head = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}`, ...lines].join('\r\n');
  return `${head}\r\n\r\n${String(reply.body)}`;
}
