import type { ResponseHeaders } from './headers.ts';
import type { ResponseBody } from './response-body.ts';
import type { Share } from './throttle/share.ts';

/** Which connections a request uses: a hundred slow blobs must not hold up a HEAD. */
export type ConnectionPool = 'metadata' | 'blob';

export interface UpstreamRequest {
  /** POST is for token services only: nothing is written to a registry. */
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly pool: ConnectionPool;
  /** What the bytes of a blob are counted for. */
  readonly share?: Share | undefined;
  /** What to do about a 303: GHCR points to a web page with one. Followed if not given. */
  readonly seeOther?: 'return' | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Who answered: the request's URL, or the last of its redirects. */
  readonly url: URL;
  /** To be read, or discarded: an abandoned one holds its connection. */
  readonly body: ResponseBody;
  /** Credentials that the request was sent with, to be removed from error messages that repeat them. */
  readonly secrets?: readonly string[] | undefined;
  /** Whether a password was among them, and this answer is from whom it was shown to. */
  readonly wasShownPassword?: boolean | undefined;
}

/** Sends a request. Each concern (redirects, retries, authorization) is one that wraps another. */
export interface Sender {
  /** Resolves to whatever answer came, of any status. Rejects with UpstreamError when none did. */
  send(request: UpstreamRequest): Promise<UpstreamResponse>;
}
