/** Header names and values in turn, as `ServerResponse.writeHead` takes them without a copy. */
export type HeaderList = readonly string[];

/** A whole answer: everything but a blob's bytes. */
export interface Reply {
  readonly status: number;
  /** Without `Content-Length`, which follows from `length` or the body. */
  readonly headers: HeaderList;
  readonly body?: string | Buffer | undefined;
  /** For HEAD of what is not at hand: the bytes that GET would send. */
  readonly length?: number | undefined;
}

/** A JSON answer. The line feed at the end is registry:2's. */
export function jsonReply(value: unknown, options: { status?: number; headers?: HeaderList } = {}): Reply {
  return {
    status: options.status ?? 200,
    headers: ['Content-Type', 'application/json', ...(options.headers ?? [])],
    body: `${JSON.stringify(value)}\n`,
  };
}

/** The length of the body that GET has, in bytes; undefined when the status allows none. */
export function contentLength(reply: Reply): number | undefined {
  if (reply.status === 304) return undefined;
  return reply.length ?? (reply.body === undefined ? 0 : Buffer.byteLength(reply.body));
}

/** Names and values by pairs. */
export function* headerPairs(headers: HeaderList): Generator<[name: string, value: string]> {
  for (let index = 0; index < headers.length; index += 2) {
    yield [headers[index] ?? '', headers[index + 1] ?? ''];
  }
}
