import { createServer, type Server } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import type { Answerer } from './harness.ts';
import {
  clientOf,
  failureOf,
  namesAt,
  readAll,
  repositoryName,
  scriptedServer,
  tagReference,
} from './harness.ts';
import { selfSigned } from '../../support/self-signed.ts';
import { close, listen } from '../../support/local-server.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');

describe('an https upstream', () => {
  let answer: Answerer;
  let server: Server;
  let url: string;

  beforeEach(async () => {
    answer = (_, response) => response.end('{}');
    server = createServer(selfSigned, (request, response) => answer(request, response));
    url = `https://${await listen(server)}`;
  });

  afterEach(() => close(server));

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

  it('is followed over https where it redirects to its own host with http, and shown the same', async () => {
    const shown: (string | undefined)[] = [];
    answer = (request, response) => {
      const { authorization, host } = request.headers;
      if (request.url === '/there') {
        shown.push(authorization);
        response.end('{}');
      } else if (authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      } else response.writeHead(301, { location: `http://${host}/there` }).end();
    };
    const credentials = { get: () => Promise.resolve({ username: 'u', password: 'p' }) };
    await using client = clientOf(url, { ca: selfSigned.cert, credentials });
    expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
    expect(shown).toEqual([`Basic ${btoa('u:p')}`]);
  });

  it('is asked for tokens over https where it announces its own host with http', async () => {
    const shown: (string | undefined)[] = [];
    answer = (request, response) => {
      const { authorization, host } = request.headers;
      if (request.url?.startsWith('/service/token') === true) {
        shown.push(authorization);
        response.end('{"token":"good"}');
      } else if (authorization === 'Bearer good') response.end('{}');
      else {
        const realm = `http://${host}/service/token`;
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="harbor-registry"` })
          .end();
      }
    };
    for (const credentials of [undefined, { get: () => Promise.resolve({ username: 'u', password: 'p' }) }]) {
      await using client = clientOf(url, { ca: selfSigned.cert, credentials });
      expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
    }
    expect(shown).toEqual([undefined, `Basic ${btoa('u:p')}`]);
  });

  it('sends to plain http storage only where that is named, and shows it nothing', async () => {
    const shown: unknown[] = [];
    await using storage = await scriptedServer((request, response) => {
      shown.push(request.headers.authorization);
      response.writeHead(200, { 'content-length': 4 }).end('blob');
    }, '127.0.0.2');
    answer = (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      } else response.writeHead(307, { location: `${storage.url}/b?signature=s3cret` }).end();
    };
    const credentials = { get: () => Promise.resolve({ username: 'u', password: 'p' }) };
    const digest = digestOf(Buffer.from('blob'));
    await using stranger = clientOf(url, { ca: selfSigned.cert, credentials });
    const failure = await failureOf(stranger.registry.openBlob(busybox, digest, { offset: 0 }));
    expect(failure.kind).toBe('invalid');
    expect(failure.message).toContain(
      `redirects from https to plain http at ${new URL(storage.url).host}; if that is right, name it in the \`redirects\``,
    );
    expect(failure.message).not.toContain('s3cret');
    expect(storage.requests).toEqual([]);
    const redirects = [new URL(storage.url).host];
    await using client = clientOf(url, { ca: selfSigned.cert, credentials, redirects });
    expect((await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }))).toString()).toBe(
      'blob',
    );
    expect(await client.registry.headBlob(busybox, digest)).toBe(4);
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('invalid');
    expect(shown).toEqual([undefined, undefined]);
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
