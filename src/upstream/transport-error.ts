import { errors } from 'undici';
import { UpstreamError, type UpstreamErrorKind } from './registry.ts';

const kinds: Readonly<Record<string, readonly [UpstreamErrorKind, string]>> = {
  UND_ERR_CONNECT_TIMEOUT: ['timeout', 'no connection in time'],
  UND_ERR_HEADERS_TIMEOUT: ['timeout', 'no answer in time'],
  UND_ERR_BODY_TIMEOUT: ['timeout', 'the answer came to a standstill'],
  ETIMEDOUT: ['timeout', 'no connection in time'],
  UND_ERR_ABORTED: ['aborted', 'the request was given up'],
  UND_ERR_DESTROYED: ['aborted', 'the client is closed'],
  UND_ERR_CLOSED: ['aborted', 'the client is closed'],
  UND_ERR_HEADERS_OVERFLOW: ['invalid', 'the headers of the answer are too long'],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['unavailable', 'the answer was cut short'],
  UND_ERR_SOCKET: ['unavailable', 'the connection was closed'],
  ECONNRESET: ['unavailable', 'the connection was reset'],
  EPIPE: ['unavailable', 'the connection was reset'],
  ECONNREFUSED: ['unavailable', 'the connection was refused'],
  ENOTFOUND: ['unavailable', 'the host name was not found'],
  EAI_AGAIN: ['unavailable', 'the host name could not be looked up'],
};

/**
 * What went wrong below HTTP, in the terms of {@link UpstreamError}.
 * @param host who was asked
 * @param signal the caller's: once it has aborted, every failure is its doing
 */
export function transportError(error: unknown, host: string, signal: AbortSignal | undefined): UpstreamError {
  if (error instanceof UpstreamError) return error;
  if (signal?.aborted === true) {
    return new UpstreamError('aborted', `${host}: the request was given up`, { cause: signal.reason });
  }
  if (error instanceof errors.HTTPParserError) {
    // It carries the bytes that did not parse, which may hold a token: it does not become the cause.
    return new UpstreamError('invalid', `${host}: the answer is not HTTP`);
  }
  const code = codeOf(error);
  const [kind, text] = kinds[code] ?? ['unavailable', `no answer (${code})`];
  return new UpstreamError(kind, `${host}: ${text}`, { cause: error });
}

/** Node's and undici's errors both have a `code`, as has each error of an AggregateError. */
function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
