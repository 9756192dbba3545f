import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { eventually } from '../../support/deadline.ts';
import { RawClient } from '../../support/raw-client.ts';
import { selfSigned } from '../../support/self-signed.ts';
import { Serving } from '../../support/serving.ts';
import { requestHead, WireClient } from '../../support/wire-client.ts';

const KiB = 1024;
const over = { answerCache: false, ca: undefined, options: {} } as const;

describe.each([
  ['plain HTTP', over],
  ['plain HTTP, with answers from memory', { ...over, options: { answerCache: true } }],
  ['TLS', { ...over, options: { tls: selfSigned }, ca: selfSigned.cert }],
  [
    'TLS, with answers from memory',
    { ...over, options: { tls: selfSigned, answerCache: true }, ca: selfSigned.cert },
  ],
])('over %s', (_how, { options, ca }) => {
  test.each([
    ['a login of 16 KiB', `Authorization: Basic ${'YTpi'.repeat(4 * KiB)}`],
    ['a header line of 64 KiB', `X-Baggage: ${'b'.repeat(64 * KiB - 'X-Baggage: '.length)}`],
    ['600 headers', Array.from({ length: 600 }, (_, index) => `X-${index}: ${'b'.repeat(100)}`).join('\r\n')],
  ])('%s is taken, between other requests', async (_what, header) => {
    await using serving = await Serving.start(options);
    serving.mirror.putManifest('box', 'v1', Buffer.from('{"a":1}'));
    using client = await WireClient.connect(serving.server.address.port, ca);
    const short = requestHead('GET', '/v2/box/manifests/v1');
    const long = requestHead('GET', '/v2/box/manifests/v1', header);
    for (const head of [short, short, short, long, short, long, long, short]) {
      expect(await client.ask(head)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\{"a":1\}$/);
    }
    expect(client.ended).toBe(false);
  });

  test.each([
    ['a header line of 100 KiB', `X-Baggage: ${'b'.repeat(100 * KiB)}`],
    ['a header line of 4 MiB', `X-Baggage: ${'b'.repeat(4 * KiB * KiB)}`],
  ])('%s is refused in words that arrive, and in the log', async (_what, header) => {
    await using serving = await Serving.start(options);
    using client = await WireClient.connect(serving.server.address.port, ca);
    await client.ask(requestHead('GET', '/v2/'));
    const answer = await client.ask(requestHead('GET', '/v2/box/manifests/v1', header));
    expect(answer).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
    expect(answer).toMatch(/^Connection: close\r$/im);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toEqual({
      errors: [{ code: 'UNSUPPORTED', message: "The request's headers have more than 80 KiB." }],
    });
    await eventually(60_000, 'the end of the connection', () => client.ended);
    const warnings = serving.log.lines.filter(({ level }) => Number(level) >= 40);
    expect(warnings).toMatchObject([
      {
        level: 40,
        client: '127.0.0.1',
        status: 431,
        reason: "The request's headers have more than 80 KiB.",
        msg: 'a request was refused before it was read whole',
      },
    ]);
    expect(JSON.stringify(warnings)).not.toContain('bbb');
    expect(serving.mirror.calls).toEqual([]);
  });
});

test('nonsense is refused in words, too, and fills no log', async () => {
  await using serving = await Serving.start();
  using client = await RawClient.connect(serving.origin);
  client.send('HELO there\r\n\r\n');
  const answer = await client.answer();
  expect(answer).toMatchObject({ status: 400, complete: true });
  expect(answer.bytes.toString()).toContain('The request is not HTTP.');
  expect(serving.log.lines.filter(({ level }) => Number(level) >= 30)).toEqual([]);
});

test('nonsense behind a request whose answer has begun ends the connection, and never its body', async () => {
  await using serving = await Serving.start();
  const digest = digestOf(Buffer.from('half'));
  const never = Promise.withResolvers<number>().promise;
  serving.mirror.putBlobSource('box', digest, {
    size: 10,
    read: (_buffer, _length, position) => (position === 0 ? Promise.resolve(5) : never),
  });
  using client = await RawClient.connect(serving.origin);
  client.request('GET', `/v2/box/blobs/${digest}`);
  const head = await client.head();
  await client.read(5);
  client.send('HELO there\r\n\r\n');
  expect((await client.body(head)).bytes).toHaveLength(0);
  await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
});

test('a client that sends headers without end is cut after a moment', async () => {
  await using serving = await Serving.start();
  using client = await RawClient.connect(serving.origin);
  client.send(`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(100 * KiB)}`);
  const drip = setInterval(() => client.send('a'.repeat(KiB)), 20);
  try {
    expect((await client.head()).status).toBe(431);
    await client.closed();
  } finally {
    clearInterval(drip);
  }
});
