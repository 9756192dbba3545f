import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import { ask } from '../../support/ask.ts';
import { FakeProxy } from '../../support/fake-proxy.ts';
import { TestEntrepot } from '../../support/test-entrepot.ts';
import {
  clientOf,
  failureOf,
  readAll,
  repositoryName,
  scriptedServer,
  tagReference,
  type Answerer,
} from './harness.ts';

const KiB = 1024;
const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const manifest = Buffer.from('{"schemaVersion":2}');
const blob = Buffer.from('hello');
const digest = digestOf(blob);

/** Answers everything with what it is asked for, and with these headers besides. */
function registryWith(extra: OutgoingHttpHeaders): Answerer {
  return (request, response) => {
    const [body, type] = request.url?.includes('/blobs/')
      ? [blob, 'application/octet-stream']
      : [manifest, mediaTypes.ociManifest];
    response.writeHead(200, { ...extra, 'content-type': type, 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

const manyHeaders = Object.fromEntries(
  Array.from({ length: 21 }, (_, index) => [`x-policy-${index}`, 'p'.repeat(1000)]),
);

describe.each([
  ['21 headers of 1,000 bytes', manyHeaders],
  ['a header of 64 KiB', { 'content-security-policy': 'p'.repeat(64 * KiB) }],
])('an answer with %s', (_what, headers) => {
  it('is taken from a registry', async () => {
    await using upstream = await scriptedServer(registryWith(headers));
    await using client = clientOf(upstream.url);
    const { registry } = client;
    expect(await registry.headManifest(busybox, latest)).toMatchObject({ size: manifest.length });
    expect((await registry.getManifest(busybox, latest)).bytes).toEqual(manifest);
    expect(await readAll(await registry.openBlob(busybox, digest, { offset: 0 }))).toEqual(blob);
  });

  it('is taken through a proxy', async () => {
    await using upstream = await scriptedServer(registryWith(headers));
    await using proxy = await FakeProxy.start();
    await using client = clientOf(upstream.url, {
      proxy: { http: proxy.url, https: proxy.url, noProxy: '', forLoopback: true },
    });
    expect((await client.registry.getManifest(busybox, latest)).bytes).toEqual(manifest);
    expect(await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }))).toEqual(blob);
    expect(proxy.requests).toHaveLength(2);
  });

  it('is taken from a token service', async () => {
    await using upstream = await scriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        response.writeHead(200, headers).end('{"token":"t"}');
      } else if (request.headers.authorization === undefined) {
        const realm = `http://${request.headers.host}/token`;
        response.writeHead(401, { ...headers, 'www-authenticate': `Bearer realm="${realm}"` }).end();
      } else {
        registryWith(headers)(request, response);
      }
    });
    await using client = clientOf(upstream.url);
    expect((await client.registry.getManifest(busybox, latest)).bytes).toEqual(manifest);
  });
});

it('an answer whose headers have no end is refused once, and says why', async () => {
  await using upstream = await scriptedServer(registryWith({ 'x-policy': 'p'.repeat(200 * KiB) }));
  await using client = clientOf(upstream.url);
  const failure = await failureOf(client.registry.getManifest(busybox, latest));
  expect(failure).toMatchObject({ kind: 'invalid', permanent: true });
  expect(failure.message).toContain('the headers of the answer are too long');
  expect(upstream.requests).toHaveLength(1);
});

it('a token of 20,000 characters goes to the registry whole', async () => {
  const token = 't'.repeat(20_000);
  const seen: IncomingHttpHeaders[] = [];
  await using upstream = await scriptedServer((request, response) => {
    if (request.url?.startsWith('/token') === true) {
      response.end(JSON.stringify({ token }));
    } else if (request.headers.authorization === undefined) {
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
    } else {
      seen.push(request.headers);
      registryWith({})(request, response);
    }
  });
  await using client = clientOf(upstream.url);
  expect((await client.registry.getManifest(busybox, latest)).bytes).toEqual(manifest);
  expect(seen.map(({ authorization }) => authorization)).toEqual([`Bearer ${token}`]);
});

/**
 * A recipient may take a length that is repeated (RFC 9112, section 6.3). The parser of the HTTP client in
 * use refuses it as it refuses two different ones, so what is left is to say so.
 */
describe.each([
  ['twice, the same', 'Content-Length: 5\r\nContent-Length: 5'],
  ['as a list', 'Content-Length: 5, 5'],
  ['twice, and differently', 'Content-Length: 5\r\nContent-Length: 6'],
  ['beside chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
  ['before a line that is no header', 'Content-Length: 5\r\nnonsense'],
])('an answer that states its length %s', (_how, lines) => {
  const answer: Answerer = (request) => {
    request.socket.write(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\nhello`);
  };

  it.each(['GET', 'HEAD'])('is refused once and truthfully for %s of a manifest', async (method) => {
    await using upstream = await scriptedServer(answer);
    await using client = clientOf(upstream.url);
    const { registry } = client;
    const failure = await failureOf(
      method === 'GET' ? registry.getManifest(busybox, latest) : registry.headManifest(busybox, latest),
    );
    expect(failure).toMatchObject({ kind: 'invalid', permanent: true });
    expect(failure.message).toContain('the answer is not HTTP');
    expect(upstream.requests).toHaveLength(1);
  });

  it('is refused once and truthfully for a blob', async () => {
    await using upstream = await scriptedServer(answer);
    await using client = clientOf(upstream.url);
    const failure = await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }));
    expect(failure).toMatchObject({ kind: 'invalid', permanent: true });
    expect(failure.message).toContain('the answer is not HTTP');
  });

  it('is asked for once by a client, too, who hears why', async () => {
    await using upstream = await scriptedServer(answer);
    await using entrepot = await TestEntrepot.start({ upstream: upstream.url });
    const { status, bytes } = await ask(entrepot.url, `/v2/library/busybox/blobs/${digest}`);
    expect(status).toBe(502);
    expect(bytes.toString()).toContain('the answer is not HTTP');
    expect(upstream.requests).toEqual([`GET /v2/library/busybox/blobs/${digest}`]);
  });
});

it('an answer that ends in the middle of its head was cut short, and is asked for again', async () => {
  await using upstream = await scriptedServer((request, response) => {
    if (upstream.requests.length === 1) request.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCont');
    else registryWith({})(request, response);
  });
  await using client = clientOf(upstream.url);
  expect((await client.registry.getManifest(busybox, latest)).bytes).toEqual(manifest);
  expect(upstream.requests).toHaveLength(2);
});
