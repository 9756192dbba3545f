import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import { pino } from 'pino';
import { parseRepositoryName, parseTag, parseUpstreamName } from '../../../src/oci/reference.ts';
import type { ManifestReference, RepositoryName, UpstreamName } from '../../../src/oci/reference.ts';
import {
  createRegistryClient,
  type CreateRegistryClientOptions,
} from '../../../src/upstream/create-registry-client.ts';
import { Authorities } from '../../../src/upstream/authorities.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { UpstreamError, type BlobStream, type UpstreamRegistry } from '../../../src/upstream/registry.ts';
import { close, listen } from '../../support/local-server.ts';

export type ClientOptions = Partial<Omit<CreateRegistryClientOptions, 'urls' | 'timeouts'>> & {
  readonly timeouts?: Partial<CreateRegistryClientOptions['timeouts']>;
};

export interface TestClient extends AsyncDisposable {
  readonly registry: UpstreamRegistry;
  /** Everything logged so far, at trace level. */
  log(): string;
}

/** A client of the registry at `url`, or at several in order, whose retries follow each other at once. */
export function clientOf(
  url: string | readonly [string, ...string[]],
  options: ClientOptions = {},
): TestClient {
  const [first, ...others] = typeof url === 'string' ? ([url] as const) : url;
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const registry = createRegistryClient({
    name: upstreamName('docker.io'),
    urls: [new URL(first), ...others.map((other) => new URL(other))],
    // What runs on sockets cannot run on a test's time.
    clock: systemClock(),
    logger,
    random: () => 0,
    authorities: () => Promise.resolve(new Authorities([])),
    ...options,
    timeouts: { connectMs: 5000, headerMs: 15_000, idleMs: 30_000, ...options.timeouts },
  });
  return {
    registry,
    log: () => lines.join(''),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

/** Names that are known only here, each with its address. */
export function namesAt(addresses: Readonly<Record<string, string>>): LookupFunction {
  return (hostname, _, callback) => {
    const address = addresses[hostname];
    if (address === undefined) callback(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), []);
    else callback(null, [{ address, family: isIP(address) }]);
  };
}

/** The same server under a name. */
export function named(url: string, name: string): string {
  const renamed = new URL(url);
  renamed.hostname = name;
  return renamed.origin;
}

export function repositoryName(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (name === undefined) throw new Error(`no repository name: ${text}`);
  return name;
}

export function tagReference(text: string): ManifestReference {
  const tag = parseTag(text);
  if (tag === undefined) throw new Error(`no tag: ${text}`);
  return { tag };
}

function upstreamName(text: string): UpstreamName {
  const name = parseUpstreamName(text);
  if (name === undefined) throw new Error(`no upstream name: ${text}`);
  return name;
}

export async function readAll({ body }: BlobStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // A chunk is good until the next is asked for.
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** What a promise rejects with, which must be an UpstreamError. */
export async function failureOf(promise: Promise<unknown>): Promise<UpstreamError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof UpstreamError) return error;
    throw new Error('rejected with something other than an UpstreamError', { cause: error });
  }
  throw new Error('did not reject');
}

/** An error with all its causes and properties as text, to look for secrets in. */
export function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = Object.getOwnPropertyNames(error).map((name) => String(Reflect.get(error, name)));
  return [...own, everythingIn(error.cause)].join('\n');
}

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  /** `GET /path?query`, in the order of arrival. */
  readonly requests: string[];
}

export type Answerer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that answers as a test says, for what a faithful registry never does. */
export async function scriptedServer(answer: Answerer, host = '127.0.0.1'): Promise<ScriptedServer> {
  const requests: string[] = [];
  // Requests with long tokens are for the test to judge, not for the server.
  const server = createServer({ maxHeaderSize: 1024 * 1024 }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  return {
    url: `http://${await listen(server, host)}`,
    requests,
    [Symbol.asyncDispose]: () => close(server),
  };
}
