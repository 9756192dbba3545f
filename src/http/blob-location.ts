import type { Exchange } from './exchange.ts';
import type { HeaderList } from './reply.ts';

/** Ollama's client where it looks for a blob. It fetches the parts as `Go-http-client/1.1`. */
const ollama = /^ollama\//;

/**
 * Where a whole blob is, for Ollama: it sends a GET, which it drops after the head, and then fetches parts of
 * the blob from the `Location` of that answer, be it a redirect or a 200. Without one it gives up ("http: no
 * Location header in response"). To others the header means nothing in a 200 (RFC 9110, section 10.2.2).
 * @see https://github.com/ollama/ollama/issues/7244
 */
export function blobLocation(exchange: Exchange): HeaderList {
  const { request } = exchange;
  if (!ollama.test(request.header('user-agent') ?? '')) return [];
  // Path and query as the client wrote them, as far as a URL leaves them so.
  const { pathname, search } = new URL(request.url);
  return ['Location', pathname + search];
}
