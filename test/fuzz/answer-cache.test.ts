import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { within } from '../support/deadline.ts';
import { Serving } from '../support/serving.ts';
import { requestHead, timeless, WireClient } from '../support/wire-client.ts';
import { repeats } from '../support/depth.ts';

const blob = Buffer.alloc(3000, 0xc3);
const hot = requestHead('GET', '/v2/box/manifests/v1', 'Accept: */*');
const last = requestHead('GET', '/v2/', 'Connection: close');

async function serving(answerCache: boolean): Promise<Serving> {
  const serving = await Serving.start({ answerCache });
  serving.mirror.putManifest('box', 'v1', Buffer.from('{"schemaVersion":2}'));
  return serving;
}

/** What a connection gets that sends these pieces, each by itself. */
async function conversation(server: Serving, pieces: readonly string[]): Promise<string> {
  using client = await WireClient.connect(server.server.address.port);
  const closed = once(client.socket, 'close');
  await client.ask(requestHead('GET', '/v2/'));
  for (const piece of pieces) {
    client.send(piece);
    await delay(1);
  }
  client.send(last);
  await within(60_000, 'the end of the connection', closed);
  return timeless(client.received);
}

test('whatever comes on a connection, and in whatever pieces, is answered as without answers from memory', async () => {
  await using fast = await serving(true);
  await using plain = await serving(false);
  const digest = fast.mirror.putBlob('box', blob);
  plain.mirror.putBlob('box', blob);
  const heads = [
    hot,
    hot,
    requestHead('HEAD', '/v2/box/manifests/v1', 'Accept: */*'),
    requestHead('GET', `/v2/box/blobs/${digest}`),
    requestHead('HEAD', `/v2/box/blobs/${digest}`),
    requestHead('GET', `/v2/box/blobs/${digest}`, 'Range: bytes=1-2'),
    requestHead('GET', '/v2/box/manifests/none'),
    requestHead('GET', '/v2/box/manifests/v1', `X-Rest: ${'a'.repeat(50)}`),
    requestHead('GET', '/v2/box/manifests/v1', `X-Rest: ${'a'.repeat(30_000)}`),
    requestHead('GET', '/v2/box/manifests/v1', 'Upgrade: h2c', 'Connection: upgrade'),
    requestHead('POST', '/v2/box/blobs/uploads/', `Content-Length: ${hot.length}`) + hot,
    requestHead('POST', '/v2/box/blobs/uploads/', 'Transfer-Encoding: chunked') +
      `${hot.length.toString(16)}\r\n${hot}\r\n0\r\n\r\n`,
    requestHead('GET', '/v2/', `Content-Length: ${hot.length}`) + hot,
    `\r\n${hot}`,
  ];
  const request = fc.record({
    text: fc.constantFrom(...heads),
    /** Where it is cut in two, if it is. */
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 1 }),
    /** Whether it comes in one piece with the one before it. */
    joined: fc.boolean(),
  });
  let fromMemory = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), async (requests) => {
      const pieces: string[] = [];
      for (const { text, cut, joined } of requests) {
        const at = cut === null ? text.length : Math.floor(cut * text.length);
        const before = joined ? (pieces.pop() ?? '') : '';
        pieces.push(...[before + text.slice(0, at), text.slice(at)].filter((piece) => piece !== ''));
      }
      const before = asked(fast);
      const expected = await conversation(plain, pieces);
      expect(await conversation(fast, pieces)).toBe(expected);
      if (asked(fast) - before < requests.length) fromMemory += 1;
    }),
    { numRuns: repeats(30, 150) },
  );
  expect(fromMemory).toBeGreaterThan(10);
}, 240_000);

function asked({ mirror }: Serving): number {
  return mirror.calls.filter((call) => !call.startsWith('used')).length;
}
