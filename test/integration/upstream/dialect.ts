import type { IncomingMessage } from 'node:http';
import { scriptedServer } from './harness.ts';

/** What a token service was asked for. */
interface Asked {
  /** `GET /token` */
  readonly line: string;
  /** Of the query, or of the form of a POST. */
  readonly parameters: URLSearchParams;
  /** User name and password of Basic authentication, colon between them. */
  readonly basic: string | undefined;
}

interface Answer {
  readonly status?: number;
  readonly body?: unknown;
}

/** How one registry and its token service speak. */
export interface Dialect {
  /** `WWW-Authenticate` of a refusal. */
  readonly challenge: (origin: string) => string;
  /** Where the token service answers; below the registry's own origin. */
  readonly realm?: string;
  readonly token?: (asked: Asked) => Answer;
  /** The status for whoever shows this `Authorization`; 401 comes with the challenge. */
  readonly status: (authorization: string | undefined) => number;
  /** What its errors say to whoever shows this `Authorization`; nothing if not given. */
  readonly words?: (authorization: string | undefined) => string;
}

export interface DialectServer extends AsyncDisposable {
  readonly url: string;
  /** What the token service was asked for. */
  readonly asked: readonly Asked[];
  /** The `Authorization` of each request to the registry; undefined for none. */
  readonly shown: readonly (string | undefined)[];
}

/** A registry that has the image that it is asked for, for whoever speaks its dialect. */
export async function dialectServer(dialect: Dialect): Promise<DialectServer> {
  const asked: Asked[] = [];
  const shown: (string | undefined)[] = [];
  const server = await scriptedServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://registry');
    if (url.pathname === dialect.realm) {
      void bodyOf(request).then((body) => {
        const { authorization } = request.headers;
        const question: Asked = {
          line: `${request.method} ${url.pathname}`,
          parameters: request.method === 'POST' ? new URLSearchParams(body) : url.searchParams,
          basic: authorization === undefined ? undefined : decodeBasic(authorization),
        };
        asked.push(question);
        const answer = dialect.token?.(question) ?? { status: 404 };
        response.writeHead(answer.status ?? 200).end(JSON.stringify(answer.body));
      });
      return;
    }
    const { authorization } = request.headers;
    shown.push(authorization);
    const status = dialect.status(authorization);
    const challenge = dialect.challenge(`http://${request.headers.host}`);
    response.writeHead(status, status === 401 ? { 'www-authenticate': challenge } : {});
    response.end(status === 200 ? '{}' : dialect.words?.(authorization));
  });
  return { url: server.url, asked, shown, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** The `Authorization` of Basic authentication. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function decodeBasic(authorization: string): string {
  return Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString('utf8');
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
