import type { IncomingMessage } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { RegistryError } from '../oci/error.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Exchange } from './exchange.ts';

const maxTextLength = 256;

interface AccessLogDeps {
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * One line a request, once its answer is out or cut. It never holds credentials, nor a query.
 * @param level probes are logged at `debug`: they come every few seconds
 */
export function logAccess(
  exchange: Exchange,
  level: 'info' | 'debug',
  { logger, clock }: AccessLogDeps,
): void {
  if (exchange.bindings === undefined || !logger.isLevelEnabled(level)) return;
  const { incoming, outgoing } = exchange.bindings;
  // Read now: a closed connection has no address.
  const { client } = exchange;
  outgoing.once('close', () => {
    const { failure } = exchange;
    const isComplete = outgoing.writableFinished || (exchange.headSuffices && outgoing.headersSent);
    logger[level](
      {
        requestId: exchange.id,
        client,
        ...accessRecord(exchange, incoming, clock.now() - exchange.startedAt),
        ...(failure === undefined ? undefined : { error: reason(failure) }),
        ...(isComplete || failure !== undefined ? undefined : departure(exchange)),
      },
      'request',
    );
  });
}

/** The fields of an exchange that went well, without its id and the client. */
export function accessRecord(
  exchange: Exchange,
  { method, headers }: IncomingMessage,
  durationMs: number,
): Readonly<Record<string, unknown>> {
  const { registry, name } = exchange;
  return {
    user: exchange.reader.user?.slice(0, maxTextLength),
    method,
    ...(name === undefined ? { path: exchange.request.path.slice(0, maxTextLength) } : { registry, name }),
    reference: exchange.reference,
    status: exchange.status,
    result: exchange.answer?.result,
    bytes: exchange.bytesSent,
    durationMs,
    upstreamMs: exchange.answer?.upstreamMs,
    userAgent: headers['user-agent']?.slice(0, maxTextLength),
  };
}

/**
 * Of a client that left before the end of its answer. One that requested a part may have all that it wanted:
 * containerd requests everything from a position on, and closes after 8 MiB.
 */
function departure({ status, length, bytesSent }: Exchange): Readonly<Record<string, unknown>> {
  return status === 206 && length !== undefined ? { unsent: length - bytesSent } : { aborted: true };
}

function reason(failure: unknown): string {
  const text = failure instanceof RegistryError ? `${failure.code}: ${failure.message}` : 'internal error';
  return text.slice(0, maxTextLength);
}
