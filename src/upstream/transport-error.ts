import { UpstreamError, type UpstreamErrorKind } from './registry.ts';
import { tlsTrouble } from './tls-trouble.ts';

const kinds: Readonly<Record<string, readonly [UpstreamErrorKind, string]>> = {
  UND_ERR_CONNECT_TIMEOUT: ['timeout', 'no connection in time'],
  UND_ERR_HEADERS_TIMEOUT: ['timeout', 'no answer in time'],
  ESTANDSTILL: ['timeout', 'the answer came to a standstill'],
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

/** What a proxy makes of a request, as undici has it. */
const proxyKinds: typeof kinds = {
  UND_ERR_ABORTED: ['unavailable', 'the proxy opens no tunnel'],
  UND_ERR_INVALID_ARG: ['unavailable', 'the proxy refuses the credentials that it was shown'],
  UND_ERR_PRX_CONN: ['unavailable', 'the proxy closed the connection'],
  UND_ERR_PRX_TLS: ['unavailable', "the proxy's certificate is not for its name"],
};

/** A body that takes too long, although its connection is alive. */
export class StandstillError extends Error {
  override readonly name = 'StandstillError';
  readonly code = 'ESTANDSTILL';
}

interface AskedHost {
  readonly host: string;
  /** The proxy in between, without credentials. */
  readonly proxy: string | undefined;
  /** The caller's: once it has aborted, every failure is its doing. */
  readonly signal: AbortSignal | undefined;
  /** How far the answer had come. */
  readonly stage: 'head' | 'body';
}

/** What went wrong below HTTP, as {@link UpstreamError}. */
export function transportError(error: unknown, { host, proxy, signal, stage }: AskedHost): UpstreamError {
  if (error instanceof UpstreamError) return error;
  if (signal?.aborted === true) {
    return new UpstreamError('aborted', `${host}: the request was given up`, { cause: signal.reason });
  }
  const code = codeOf(error);
  // undici takes what does not parse after a Content-Length for a body of another length.
  const isUnparsedHead = stage === 'head' && code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
  if (isUnparsedHead || (error instanceof Error && error.name === 'HTTPParserError')) {
    // It carries the bytes that did not parse, which may hold a token: it does not become the cause.
    return new UpstreamError('invalid', `${host}: the answer is not HTTP`, { permanent: true });
  }
  const where = proxy === undefined ? host : `${host}, through the proxy ${proxy}`;
  const trouble = tlsTrouble(code, error);
  if (trouble !== undefined) {
    const { reason, advice } = trouble;
    return new UpstreamError('unavailable', `${where}: ${reason} (${code})`, {
      cause: error,
      permanent: true,
      advice,
    });
  }
  const known = proxy === undefined ? kinds[code] : (proxyKinds[code] ?? kinds[code]);
  const [kind, text] = known ?? ['unavailable', `no answer (${code})`];
  return new UpstreamError(kind, `${where}: ${text}`, { cause: error, permanent: kind === 'invalid' });
}

/** Node's and undici's errors both have a `code`, as has each error of an AggregateError. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
