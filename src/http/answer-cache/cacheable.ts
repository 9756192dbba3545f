import type { IncomingMessage } from 'node:http';
import { parseDigest, isDigestOf } from '../../oci/digest.ts';
import type { HeaderList } from '../reply.ts';

/**
 * Headers of requests whose answers may be cached: equal ones have equal answers. None that identify the
 * client or the request (`X-Request-Id`), make an answer partial or conditional, come from web pages, or are
 * about the body or the connection.
 */
const harmless: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'forwarded',
  'host',
  'user-agent',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
]);

/** What says whether an answer may be kept. */
type RequestHead = Pick<IncomingMessage, 'httpVersion' | 'rawHeaders'> & {
  readonly method?: string | undefined;
};

/** Whether the answer to a request may be kept for others that are the same, byte for byte. */
export function isCacheable({ method, httpVersion, rawHeaders }: RequestHead): boolean {
  if ((method !== 'GET' && method !== 'HEAD') || httpVersion !== '1.1') return false;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (harmless.has(name)) continue;
    // What HTTP/1.1 means anyway; some clients say it all the same.
    if (name !== 'connection' || rawHeaders[index + 1]?.toLowerCase() !== 'keep-alive') return false;
  }
  return true;
}

/** Whether the body of an answer, if it has one, is what its digest says. */
export function isIntact({
  headers,
  body,
}: {
  readonly headers: HeaderList;
  readonly body: Buffer | undefined;
}): boolean {
  if (body === undefined) return true;
  const digest = parseDigest(headers[headers.lastIndexOf('Docker-Content-Digest') + 1] ?? '');
  return digest !== undefined && isDigestOf(digest, body);
}
