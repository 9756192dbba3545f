import type { ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import type { CacheResult, Validity } from '../mirror/mirror.ts';
import { anonymous, type Reader } from '../mirror/access/reader.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Login } from './auth/auth-scheme.ts';
import { clientAddress } from './client-address.ts';
import { contentLength, headerPairs, type HeaderList, type Reply } from './reply.ts';
import { isFromWebPage, webPageHeaders } from './web-page.ts';

/** Bodies up to this many bytes are joined with their head, and may be kept in memory with it. */
export const maxJoinedLength = 64 * 1024;

/** What Node and its listener know of a request. */
interface Bindings extends HttpBindings {
  /** The upstream that the listener is bound to, if it is bound to one. */
  readonly upstream?: UpstreamName | undefined;
  /** Told of each exchange as it begins. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined;
}

/** Headers that every answer has; those of the registry's API also say which API it is. */
export interface CommonHeaders {
  readonly plain: HeaderList;
  readonly api: HeaderList;
}

/**
 * One request and its answer. Answers are written to Node's own response: a web `Response` with a body would
 * cost more than the rest of a hit. Without a socket (`app.request()`), whole answers become a `Response`.
 */
export class Exchange {
  readonly request: Context['req'];
  readonly id: string;
  readonly startedAt: number;
  readonly #common: CommonHeaders;
  readonly bindings: Bindings | undefined;
  #fromWebPage: boolean | undefined;

  /** The outcome of authentication; undefined where the request was not authenticated. */
  login: Login | undefined;
  /** The upstreams that the host name and the listener are bound to. */
  bound: readonly UpstreamName[] = [];
  /** The registry that the client names (`?ns=`), which the answer repeats; set once parsed. */
  namespace: UpstreamName | undefined;
  /** What the request is about, for the access log; set once parsed. The registry is one beside the name. */
  registry: UpstreamName | undefined;
  name: string | undefined;
  reference: string | undefined;
  /** How the answer came about. Read when the answer is out: what a blob waited for is known only then. */
  answer:
    | { readonly result: CacheResult; readonly upstreamMs: number; readonly validity?: Validity | undefined }
    | undefined;
  /** Why the answer is an error or was cut. */
  failure: unknown;
  /** Headers for the answer, should it be an error. */
  errorHeaders: HeaderList = [];
  /** Status of the answer; 0 before there is one. */
  status = 0;
  /** Body bytes that went out. */
  bytesSent = 0;
  /** Body bytes that the head of a streamed answer announces, if it does. */
  length: number | undefined;
  /** Whether the client may want only the answer's head, and leaving after that aborts nothing. */
  headSuffices = false;
  /** The answer as it was sent, if that was in one piece; without a body for HEAD. */
  sent: { readonly headers: HeaderList; readonly body: Buffer | undefined } | undefined;

  constructor(context: Context, id: string, startedAt: number, common: CommonHeaders) {
    this.request = context.req;
    this.id = id;
    this.startedAt = startedAt;
    this.#common = common;
    this.bindings = context.env as Bindings | undefined;
  }

  get reader(): Reader {
    return this.login?.reader ?? anonymous;
  }

  /** As {@link clientAddress}. */
  get client(): string | undefined {
    return this.bindings && clientAddress(this.bindings.incoming.socket);
  }

  /** Whether a body may be sent in chunks, of which the last says that it is the last. HTTP/1.0 has none. */
  get takesChunks(): boolean {
    return this.bindings?.incoming.httpVersion !== '1.0';
  }

  /** Whether a web page asks, and so is shown only what is cached. */
  get isFromWebPage(): boolean {
    this.#fromWebPage ??= isFromWebPage((name) => this.request.header(name));
    return this.#fromWebPage;
  }

  /**
   * Whether an answer is wanted only if it is cached: a web page is shown nothing else.
   * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.7
   */
  get wantsCachedOnly(): boolean {
    return (
      this.isFromWebPage ||
      this.request.header('cache-control')?.toLowerCase().includes('only-if-cached') === true
    );
  }

  /** Node's response, for content that is streamed. */
  get outgoing(): ServerResponse {
    if (this.bindings === undefined) throw new TypeError('streaming needs a connection');
    return this.bindings.outgoing;
  }

  /** Writes status and headers of an answer whose body follows. */
  writeHead(status: number, headers: HeaderList): void {
    this.status = status;
    const at = headers.indexOf('Content-Length');
    this.length = at < 0 ? undefined : Number(headers[at + 1]);
    this.outgoing.writeHead(status, this.#allHeaders(headers));
  }

  /** Answers in whole, if the connection is still open. */
  reply(reply: Reply): Response {
    const length = contentLength(reply);
    const headers =
      length === undefined ? reply.headers : [...reply.headers, 'Content-Length', String(length)];
    const body = this.request.method === 'HEAD' || length === undefined ? undefined : reply.body;
    this.status = reply.status;
    if (this.bindings === undefined) {
      return new Response(body ?? null, {
        status: reply.status,
        headers: [...headerPairs(this.#allHeaders(headers))],
      });
    }
    const { outgoing } = this.bindings;
    if (outgoing.destroyed) return RESPONSE_ALREADY_SENT;
    const all = this.#allHeaders(headers);
    outgoing.writeHead(reply.status, all);
    const sent = (): void => {
      if (body !== undefined) this.bytesSent = length ?? 0;
    };
    const isJoined = Buffer.isBuffer(body) && body.length <= maxJoinedLength;
    if (isJoined || body === undefined) this.sent = { headers: all, body: isJoined ? body : undefined };
    // As a string, head and body leave in one write instead of two pieces; latin1 keeps every byte as it is.
    if (isJoined) {
      outgoing.end(body.toString('latin1'), 'latin1', sent);
    } else {
      outgoing.end(body, sent);
    }
    return RESPONSE_ALREADY_SENT;
  }

  #allHeaders(headers: HeaderList): string[] {
    const common = this.request.path.startsWith('/v2') ? this.#common.api : this.#common.plain;
    const all = [...common, 'X-Request-Id', this.id, ...headers];
    if (this.namespace !== undefined) all.push('OCI-Namespace', this.namespace);
    if (this.isFromWebPage) all.push(...webPageHeaders);
    return all;
  }
}
