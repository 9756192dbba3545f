import type { Exchange } from './exchange.ts';
import type { HeaderList } from './reply.ts';

/**
 * As Ollama's client names itself where it asks for a blob's place. It fetches the parts of that as
 * `Go-http-client/1.1`.
 */
const ollama = /^ollama\//;

/**
 * Where a whole blob is, for a client that asks for that. Ollama's looks for the place of a blob by a GET, which it drops
 * after the head, and then fetches parts of it from the place that `Location` names: of a redirect, or of a 200. It gives up
 * the pull where there is none ("http: no Location header in response"). To anybody else the header means nothing in a 200
 * (RFC 9110, section 10.2.2).
 * @see https://github.com/ollama/ollama/issues/7244
 */
export function blobLocation(exchange: Exchange): HeaderList {
  const { request } = exchange;
  if (!ollama.test(request.header('user-agent') ?? '')) return [];
  // Path and query as the client wrote them, as far as a URL leaves them so.
  const { pathname, search } = new URL(request.url);
  return ['Location', pathname + search];
}
