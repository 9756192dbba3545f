import type { IncomingHttpHeaders } from 'node:http';
import { within } from './deadline.ts';

export type ServerName = 'registry' | 'token' | 'cdn';

/** A request that the hub received, and what became of it so far. */
export interface LoggedRequest {
  readonly server: ServerName;
  readonly method: string;
  /** Decoded by nobody, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Milliseconds since the epoch of its arrival. */
  readonly at: number;
  /** 0 until the answer starts. */
  status: number;
  /** Body bytes handed to the connection. */
  bytesSent: number;
  /** The digest of the blob or manifest in the answer, if any. */
  digest: string | undefined;
  /** Whether the whole answer went out. */
  finished: boolean;
}

export interface RequestFilter {
  readonly server?: ServerName;
  readonly method?: string;
  readonly path?: RegExp;
}

interface Waiter {
  readonly filter: RequestFilter;
  readonly times: number;
  readonly resolve: () => void;
}

/** The requests in the order of their arrival. */
export class RequestLog {
  requests: LoggedRequest[] = [];
  readonly #waiters = new Set<Waiter>();

  add(request: LoggedRequest): void {
    this.requests.push(request);
    for (const waiter of this.#waiters) {
      if (this.count(waiter.filter) >= waiter.times) {
        this.#waiters.delete(waiter);
        waiter.resolve();
      }
    }
  }

  count(filter: RequestFilter = {}): number {
    return this.requests.filter((request) => fits(request, filter)).length;
  }

  /** Body bytes of the content with that digest, over all answers. */
  bytesSent(digest: string): number {
    return this.requests
      .filter((request) => request.digest === digest)
      .reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  }

  async received(filter: RequestFilter, times: number, ms: number): Promise<void> {
    if (this.count(filter) >= times) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { filter, times, resolve };
    this.#waiters.add(waiter);
    try {
      await within(
        ms,
        `${times} requests ${JSON.stringify({ ...filter, path: filter.path?.source })}`,
        promise,
      );
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  clear(): void {
    this.requests = [];
  }
}

function fits(request: LoggedRequest, { server, method, path }: RequestFilter): boolean {
  return (
    (server === undefined || request.server === server) &&
    (method === undefined || request.method === method) &&
    (path === undefined || request.path.search(path) >= 0)
  );
}
