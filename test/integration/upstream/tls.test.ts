import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Answerer } from './harness.ts';
import { clientOf, failureOf, namesAt, repositoryName, scriptedServer, tagReference } from './harness.ts';
import { selfSigned } from '../../support/self-signed.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');

describe('an https upstream', () => {
  let answer: Answerer;
  let server: Server;
  let url: string;

  beforeEach(async () => {
    answer = (_, response) => response.end('{}');
    server = createServer(selfSigned, (request, response) => answer(request, response));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  it('is trusted by the certificate authority that was given', async () => {
    await using client = clientOf(url, { ca: selfSigned.cert });
    expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
  });

  it('with a certificate of nobody known is unavailable', async () => {
    await using client = clientOf(url);
    const failure = await failureOf(client.registry.getManifest(busybox, latest));
    expect(failure.kind).toBe('unavailable');
    expect(failure.message).toContain('SELF_SIGNED');
  });

  it('is spoken to in HTTP/1.1', async () => {
    let version = '';
    answer = (request, response) => {
      version = request.httpVersion;
      response.end('{}');
    };
    await using client = clientOf(url, { ca: selfSigned.cert });
    await client.registry.getManifest(busybox, latest);
    expect(version).toBe('1.1');
  });

  it('is not followed to plain http', async () => {
    await using plain = await scriptedServer((_, response) => response.end('{}'));
    answer = (_, response) => response.writeHead(307, { location: `${plain.url}/` }).end();
    await using client = clientOf(url, { ca: selfSigned.cert });
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('invalid');
    expect(plain.requests).toEqual([]);
  });

  it('may not have its tokens fetched over plain http', async () => {
    await using plain = await scriptedServer((_, response) => response.end('{"token":"x"}'));
    answer = (_, response) => {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${plain.url}/token"` }).end();
    };
    await using client = clientOf(url, { ca: selfSigned.cert });
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('invalid');
    expect(plain.requests).toEqual([]);
  });

  it('may be insecure, and the hosts it sends to may only if they are named', async () => {
    await using client = clientOf(url, { insecure: true });
    expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
    const port = new URL(url).port;
    const lookup = namesAt({ 'storage.lan': '127.0.0.1' });
    answer = (request, response) => {
      if (request.headers.host?.startsWith('storage.lan') === true) response.end('{}');
      else response.writeHead(307, { location: `https://storage.lan:${port}/` }).end();
    };
    await using stranger = clientOf(url, { insecure: true, lookup });
    expect((await failureOf(stranger.registry.getManifest(busybox, latest))).message).toContain(
      'SELF_SIGNED',
    );
    await using redirect = clientOf(url, { insecure: true, lookup, redirects: ['storage.lan'] });
    expect((await redirect.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
  });
});
