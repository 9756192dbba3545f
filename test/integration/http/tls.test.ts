import { once } from 'node:events';
import { Agent, request, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { TestCertificate } from '../../support/certificates.ts';
import { within } from '../../support/deadline.ts';
import { RawClient } from '../../support/raw-client.ts';
import { Serving } from '../../support/serving.ts';

const localhost = ['127.0.0.1'];
const refusedAtHandshake = /alert|SSL|ECONNRESET|socket hang up/i;

let authority: TestCertificate;
let first: TestCertificate;
let second: TestCertificate;

beforeAll(async () => {
  authority = await TestCertificate.create({ name: 'authority', authority: true });
  first = await TestCertificate.create({ name: 'first', issuer: authority, addresses: localhost });
  second = await TestCertificate.create({ name: 'second', issuer: authority, addresses: localhost });
});

interface Answered {
  readonly status: number | undefined;
  /** The subject of the server's certificate. */
  readonly subject: string;
}

/** One request to `/v2/`; on a connection of its own if no agent is given. */
async function ask({ server }: Serving, options: RequestOptions = {}): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const asking = request(
    {
      host: '127.0.0.1',
      port: server.address.port,
      path: '/v2/',
      ca: authority.pem,
      agent: false,
      ...options,
    },
    (response) => {
      const subject = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
      response.resume().once('end', () => resolve({ status: response.statusCode, subject: String(subject) }));
    },
  );
  asking.once('error', reject).end();
  return await within(60_000, 'the answer over TLS', promise);
}

describe('of the suites that both know', () => {
  const suites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

  test.each(suites)('the first one of the client is used (%s), also after a renewal', async (suite) => {
    const tls = { cert: first.pem, key: first.keyPem };
    await using serving = await Serving.start({ tls });
    const ciphers = [suite, ...suites.filter((other) => other !== suite)].join(':');
    for (const renewal of [false, true]) {
      if (renewal) serving.server.renewTls(tls);
      const { port } = serving.server.address;
      const socket = connectTls({ port, host: '127.0.0.1', ca: authority.pem, ciphers });
      await within(60_000, 'the handshake', once(socket, 'secureConnect'));
      expect(socket.getCipher().standardName).toBe(suite);
      socket.destroy();
    }
  });
});

describe('new certificates', () => {
  test('are shown to new connections, and those that are open stay', async () => {
    await using serving = await Serving.start({ tls: { cert: first.pem, key: first.keyPem } });
    using agent = Object.assign(new Agent({ keepAlive: true, maxSockets: 1 }), {
      [Symbol.dispose]: () => agent.destroy(),
    });
    expect(await ask(serving, { agent })).toStrictEqual({ status: 200, subject: 'first' });
    serving.server.renewTls({ cert: second.pem, key: second.keyPem });
    expect(await ask(serving)).toStrictEqual({ status: 200, subject: 'second' });
    expect(await ask(serving, { agent })).toStrictEqual({ status: 200, subject: 'first' });
  });

  test.each([
    ['no certificate', () => ({ cert: 'nothing', key: second.keyPem })],
    ['the key of another certificate', () => ({ cert: second.pem, key: first.keyPem })],
    ['an empty key', () => ({ cert: second.pem, key: '' })],
    ['an empty certificate', () => ({ cert: '', key: second.keyPem })],
    ['a key that is cut', () => ({ cert: second.pem, key: second.keyPem.slice(0, 60) })],
    ['a blank key', () => ({ cert: second.pem, key: '\n' })],
  ])('with %s are refused, and the old ones stay in use', async (_what, tls) => {
    await using serving = await Serving.start({ tls: { cert: first.pem, key: first.keyPem } });
    expect(() => serving.server.renewTls(tls())).toThrow(Error);
    expect(await ask(serving)).toStrictEqual({ status: 200, subject: 'first' });
  });
});

describe('a client', () => {
  test('must show a certificate of the authorities that are configured, if there are any', async () => {
    const client = await TestCertificate.create({ name: 'client', issuer: authority });
    const stranger = await TestCertificate.create({ name: 'stranger' });
    await using serving = await Serving.start({
      tls: { cert: first.pem, key: first.keyPem, clientCas: [authority.pem] },
    });
    expect((await ask(serving, { cert: client.pem, key: client.keyPem })).status).toBe(200);
    await expect(ask(serving)).rejects.toThrow(refusedAtHandshake);
    await expect(ask(serving, { cert: stranger.pem, key: stranger.keyPem })).rejects.toThrow(
      refusedAtHandshake,
    );
  });

  test('may show one of an intermediate that is named, as with Go, also when the certificates are read again', async () => {
    const intermediate = await TestCertificate.create({
      name: 'intermediate',
      authority: true,
      issuer: authority,
    });
    const client = await TestCertificate.create({ name: 'client', issuer: intermediate });
    const expired = await TestCertificate.create({
      name: 'expired',
      issuer: intermediate,
      notAfter: new Date(Date.UTC(2021, 0, 1)),
    });
    const alone = await TestCertificate.create({ name: 'alone' });
    const sibling = await TestCertificate.create({ name: 'sibling', issuer: authority });
    const clientCas = [`# ours\n${intermediate.pem}`, Buffer.from(`${alone.pem}\n`)];
    await using serving = await Serving.start({ tls: { cert: first.pem, key: first.keyPem, clientCas } });
    for (const subject of ['first', 'second']) {
      const shown = (one: TestCertificate, ...chain: readonly TestCertificate[]): RequestOptions => ({
        cert: [one, ...chain].map(({ pem }) => pem).join('\n'),
        key: one.keyPem,
      });
      expect(await ask(serving, shown(client))).toStrictEqual({ status: 200, subject });
      expect(await ask(serving, shown(client, intermediate))).toStrictEqual({ status: 200, subject });
      expect(await ask(serving, shown(alone))).toStrictEqual({ status: 200, subject });
      for (const refused of [{}, shown(sibling), shown(sibling, authority), shown(expired)]) {
        await expect(ask(serving, refused)).rejects.toThrow(refusedAtHandshake);
      }
      serving.server.renewTls({ cert: second.pem, key: second.keyPem, clientCas });
    }
  });

  test('must speak the version of TLS that is configured, or a later one', async () => {
    await using serving = await Serving.start({
      tls: { cert: first.pem, key: first.keyPem, minVersion: 'TLSv1.3' },
    });
    await expect(ask(serving, { maxVersion: 'TLSv1.2' })).rejects.toThrow(refusedAtHandshake);
    expect((await ask(serving)).status).toBe(200);
  });

  test('must speak one of the cipher suites that are configured', async () => {
    const ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384';
    await using serving = await Serving.start({
      tls: { cert: first.pem, key: first.keyPem, minVersion: 'TLSv1.2', ciphers },
    });
    const old = { maxVersion: 'TLSv1.2' } as const;
    expect((await ask(serving, { ...old, ciphers })).status).toBe(200);
    await expect(ask(serving, { ...old, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow(
      refusedAtHandshake,
    );
  });

  test('that speaks plain HTTP is told so, in words that clients look for', async () => {
    await using serving = await Serving.start({ tls: { cert: first.pem, key: first.keyPem } });
    const clients = await Promise.all(
      [1, 2, 3].map(() => RawClient.connect(`http://127.0.0.1:${serving.server.address.port}`)),
    );
    for (const client of clients) client.request('GET', '/v2/');
    for (const client of clients) {
      const answer = await client.answer();
      expect([answer.status, answer.complete, answer.headers['connection']]).toStrictEqual([
        400,
        true,
        'close',
      ]);
      expect(answer.bytes.toString()).toBe('Client sent an HTTP request to an HTTPS server.\n');
      await client.closed();
      client[Symbol.dispose]();
    }
    expect((await ask(serving)).status).toBe(200);
  });

  test('that speaks plain HTTP and stays, or leaves rudely, holds up nothing', async () => {
    await using serving = await Serving.start({ tls: { cert: first.pem, key: first.keyPem } });
    const origin = `http://127.0.0.1:${serving.server.address.port}`;
    for (let index = 0; index < 20; index += 1) {
      using rude = await RawClient.connect(origin);
      rude.request('GET', '/v2/');
      rude.abort();
    }
    using idle = await RawClient.connect(origin);
    idle.request('GET', '/v2/');
    expect((await idle.answer()).status).toBe(400);
    expect((await ask(serving)).status).toBe(200);
    await within(60_000, 'the drain', serving.server.drain(0));
  });

  test.each(['\0\0\0\0\0\0\0\0', 'HELO there\r\n', '\x16\x03\x01\x00\x05nonsense'])(
    'that speaks nonsense (%j) is cut, and nobody else notices',
    async (text) => {
      await using serving = await Serving.start({ tls: { cert: first.pem, key: first.keyPem } });
      const socket = connect(serving.server.address.port, '127.0.0.1');
      socket.on('error', () => undefined).resume();
      const closed = once(socket, 'close');
      socket.write(text);
      await within(60_000, 'the end of the connection', closed);
      expect((await ask(serving)).status).toBe(200);
    },
  );
});
