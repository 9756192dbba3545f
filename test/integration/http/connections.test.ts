import { request } from 'node:https';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import { eventually, within } from '../../support/deadline.ts';
import { RawClient } from '../../support/raw-client.ts';
import { selfSigned } from '../../support/self-signed.ts';
import { Serving } from '../../support/serving.ts';

describe('one connection', () => {
  test('carries HEAD, GET, errors and conditions one after the other', async () => {
    await using serving = await Serving.start();
    const blob = serving.mirror.putBlob('box', Buffer.alloc(5000, 1));
    const manifest = serving.mirror.putManifest('box', 'v1', Buffer.from('{"a":1}'));
    using client = await RawClient.connect(serving.origin);
    const statuses: number[] = [];
    for (const [method, path, headers] of [
      ['HEAD', `/v2/box/blobs/${blob}`, {}],
      ['HEAD', '/v2/box/manifests/none', {}],
      ['GET', '/v2/box/manifests/v1', {}],
      ['HEAD', '/v2/box/manifests/v1', {}],
      ['GET', '/v2/box/manifests/v1', { 'if-none-match': `"${manifest}"` }],
      ['GET', `/v2/box/blobs/${blob}`, { range: 'bytes=5000-' }],
      ['HEAD', `/v2/box/blobs/${manifest}`, {}],
      ['OPTIONS', '/v2/_catalog', {}],
      ['DELETE', '/v2/box/manifests/v1', {}],
      ['GET', `/v2/box/blobs/${blob}`, {}],
    ] as const) {
      client.request(method, path, headers);
      statuses.push((await client.answer()).status);
    }
    expect(statuses).toStrictEqual([200, 404, 200, 200, 304, 416, 404, 200, 405, 200]);
    expect(serving.mirror.openBlobs).toBe(0);
  });

  test('that dies in the middle of a manifest it sends is no fault of the mirror', async () => {
    await using serving = await Serving.start();
    using client = await RawClient.connect(serving.origin);
    client.request('PUT', '/v2/box/manifests/v1', { 'content-length': '1000', expect: '100-continue' });
    expect((await client.head()).status).toBe(100);
    client.abort();
    await eventually(60_000, 'the end of the request', () => serving.requests.length === 1);
    await setImmediate();
    expect(serving.log.lines.filter(({ level }) => Number(level) >= 50)).toStrictEqual([]);
  });

  test('carries pipelined requests in order', async () => {
    await using serving = await Serving.start();
    const blob = serving.mirror.putBlob('box', Buffer.alloc(700_000, 1));
    serving.mirror.putManifest('box', 'v1', Buffer.from('{"a":1}'));
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${blob}`);
    client.request('GET', '/v2/box/manifests/v1');
    client.request('GET', '/v2/');
    expect((await client.answer()).bytes.length).toBe(700_000);
    expect((await client.answer()).bytes.toString()).toBe('{"a":1}');
    expect((await client.answer()).bytes.toString()).toBe('{}');
  });

  test('that dies with pipelined requests waiting leaves nothing behind', async () => {
    await using serving = await Serving.start();
    const digest = digestOf(Buffer.from('slow'));
    const never = Promise.withResolvers<number>().promise;
    serving.mirror.putBlobSource('box', digest, { size: 10, read: () => never });
    using client = await RawClient.connect(serving.origin);
    for (let index = 0; index < 5; index += 1) client.request('GET', `/v2/box/blobs/${digest}`);
    await eventually(60_000, 'the first blob opens', () => serving.mirror.openBlobs === 1);
    client.abort();
    await eventually(60_000, 'the first blob closes', () => serving.mirror.openBlobs === 0);
    expect(serving.mirror.calls).toHaveLength(1);
  });

  test('that floods with pipelined requests is cut', async () => {
    await using serving = await Serving.start();
    const digest = digestOf(Buffer.from('slow'));
    const never = Promise.withResolvers<number>().promise;
    serving.mirror.putBlobSource('box', digest, { size: 10, read: () => never });
    using client = await RawClient.connect(serving.origin);
    for (let index = 0; index < 50; index += 1) client.request('GET', `/v2/box/blobs/${digest}`);
    await client.closed();
    await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
    expect(serving.mirror.calls).toHaveLength(1);
  });

  test('goes on after a refused push whose body was not read', async () => {
    await using serving = await Serving.start();
    using client = await RawClient.connect(serving.origin);
    const body = 'x'.repeat(6 * 1024 * 1024);
    for (const [method, path, status] of [
      ['PATCH', '/v2/box/blobs/uploads/1', 405],
      ['PUT', '/v2/box/manifests/v1', 400],
    ] as const) {
      client.send(
        `${method} ${path} HTTP/1.1\r\nhost: test\r\ncontent-type: ${mediaTypes.ociManifest}\r\n` +
          `content-length: ${body.length}\r\n\r\n${body}`,
      );
      expect((await client.answer()).status).toBe(status);
    }
    client.request('GET', '/v2/');
    expect((await client.answer()).status).toBe(200);
  });

  test('joins the lines of an Accept that comes in several', async () => {
    await using serving = await Serving.start();
    serving.mirror.putManifest('box', 'v1', Buffer.from('{}'), mediaTypes.ociIndex);
    using client = await RawClient.connect(serving.origin);
    const lines = [mediaTypes.dockerManifest, mediaTypes.ociIndex, 'application/json'];
    client.send(
      `GET /v2/box/manifests/v1 HTTP/1.1\r\nHost: x\r\n${lines.map((type) => `Accept: ${type}\r\n`).join('')}\r\n`,
    );
    expect((await client.answer()).status).toBe(200);
  });

  test('may be HTTP/1.0 without a Host, as some health checks are', async () => {
    await using serving = await Serving.start();
    using client = await RawClient.connect(serving.origin);
    client.send('GET /healthz HTTP/1.0\r\n\r\n');
    expect((await client.answer()).status).toBe(200);
  });
});

describe('nonsense', () => {
  test.each([
    ['no HTTP at all', 'HELO there\r\n\r\n', 400],
    ['no Host', 'GET /v2/ HTTP/1.1\r\n\r\n', 400],
    ['a Host that is none', 'GET /v2/ HTTP/1.1\r\nHost: a b/c?\r\n\r\n', 400],
    ['a target that is no URL', 'GET http://[/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['two lengths', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['100,000 headers', `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(100_000)}\r\n`, 431],
    ['an endless target', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
  ])('(%s) is refused', async (_what, text, status) => {
    await using serving = await Serving.start();
    using client = await RawClient.connect(serving.origin);
    client.send(text);
    expect((await client.head()).status).toBe(status);
  });

  test('dripped byte by byte is not waited for', async () => {
    await using serving = await Serving.start({ timeouts: { head: 200, request: 400 } });
    using client = await RawClient.connect(serving.origin);
    client.send('GET / HTTP/1.1\r\nHost: x\r\nA: ');
    const drip = setInterval(() => client.send('a'), 50);
    try {
      expect((await client.head()).status).toBe(408);
      await client.closed();
    } finally {
      clearInterval(drip);
    }
  });
});

describe('the access log', () => {
  test('has one line a request, with what happened and without secrets', async () => {
    await using serving = await Serving.start();
    serving.mirror.putManifest('library/box', 'v1', Buffer.from('{"a":1}'));
    serving.mirror.result = 'miss';
    serving.mirror.upstreamMs = 12;
    using client = await RawClient.connect(serving.origin);
    client.request('GET', '/v2/library/box/manifests/v1?ns=docker.io&token=geheim', {
      authorization: 'Basic Z2VoZWlt',
      'user-agent': 'docker/99',
      'x-request-id': 'job-1',
    });
    await client.answer();
    client.request('GET', '/healthz');
    await client.answer();
    await eventually(60_000, 'both lines are logged', () => serving.requests.length === 2);
    const [pull, probe] = serving.requests;
    expect(pull).toMatchObject({
      level: 30,
      requestId: 'job-1',
      client: '127.0.0.1',
      method: 'GET',
      registry: 'docker.io',
      name: 'library/box',
      reference: 'v1',
      status: 200,
      result: 'miss',
      bytes: 7,
      upstreamMs: 12,
      userAgent: 'docker/99',
    });
    expect(pull?.['durationMs']).toBeTypeOf('number');
    expect(JSON.stringify(pull)).not.toMatch(/geheim|Z2VoZWlt|authorization/i);
    expect(probe).toMatchObject({ level: 20, path: '/healthz' });
  });
});

describe('draining', () => {
  test('ends idle connections at once and takes no new ones', async () => {
    await using serving = await Serving.start();
    const { origin } = serving;
    using client = await RawClient.connect(origin);
    client.request('GET', '/v2/');
    await client.answer();
    await within(60_000, 'the drain', serving.server.drain(60_000));
    await client.closed();
    await expect(RawClient.connect(origin)).rejects.toThrow('ECONNREFUSED');
  });

  test('lets a request under way end, and says that the connection closes', async () => {
    await using serving = await Serving.start();
    const gate = Promise.withResolvers<undefined>();
    const digest = digestOf(Buffer.from('gate'));
    serving.mirror.putBlobSource('box', digest, {
      size: 10,
      read: async (_buffer, length) => {
        await gate.promise;
        return length;
      },
    });
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`);
    await eventually(60_000, 'the blob opens', () => serving.mirror.openBlobs === 1);
    const drained = serving.server.drain(60_000);
    gate.resolve(undefined);
    const answer = await client.answer();
    expect([answer.status, answer.complete, answer.headers['connection']]).toStrictEqual([
      200,
      true,
      'close',
    ]);
    await within(60_000, 'the drain', drained);
  });

  test('ends a connection whose head had gone out before', async () => {
    await using serving = await Serving.start();
    const gate = Promise.withResolvers<undefined>();
    const digest = digestOf(Buffer.from('half'));
    serving.mirror.putBlobSource('box', digest, {
      size: 10,
      read: async (_buffer, _length, position) => {
        if (position > 0) await gate.promise;
        return 5;
      },
    });
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`);
    const head = await client.head();
    expect(head.headers['connection']).toBe('keep-alive');
    const drained = serving.server.drain(60_000);
    gate.resolve(undefined);
    expect((await client.body(head)).complete).toBe(true);
    await within(60_000, 'the drain', drained);
  });

  test('destroys what has not ended in time', async () => {
    await using serving = await Serving.start();
    const never = Promise.withResolvers<number>().promise;
    const digest = digestOf(Buffer.from('never'));
    serving.mirror.putBlobSource('box', digest, { size: 10, read: () => never });
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`);
    await eventually(60_000, 'the blob opens', () => serving.mirror.openBlobs === 1);
    await within(60_000, 'the drain', serving.server.drain(100));
    await client.closed();
    await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
    expect(client.ended).toBe(true);
  });
});

test('TLS serves with the certificate given', async () => {
  await using serving = await Serving.start({ tls: { ...selfSigned, minVersion: 'TLSv1.2' } });
  const { port } = serving.server.address;
  const answered = Promise.withResolvers<number | undefined>();
  request({ host: '127.0.0.1', port, path: '/v2/', ca: selfSigned.cert, agent: false }, (response) => {
    response.resume();
    answered.resolve(response.statusCode);
  })
    .on('error', answered.reject)
    .end();
  expect(await within(60_000, 'the answer over TLS', answered.promise)).toBe(200);
});
