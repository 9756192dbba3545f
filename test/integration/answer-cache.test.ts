import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';
import { requestHead, timeless, WireClient } from '../support/wire-client.ts';

const image = makeImage({ layers: [20_000] });
const other = makeImage({ layers: [10_000], seed: 2 });
const [layer = image.config] = image.layers;
const app = '/v2/library/app';
const byTag = requestHead('GET', `${app}/manifests/v1`, 'User-Agent: docker/27');
const byDigest = requestHead('GET', `${app}/manifests/${image.digest}`, 'User-Agent: docker/27');
const blob = requestHead('GET', `${app}/blobs/${layer.digest}`, 'User-Agent: docker/27');

let hub: FakeHub;
let entrepot: TestEntrepot;
let client: WireClient;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage('library/app', 'v1', image);
  entrepot = await TestEntrepot.start({ upstream: hub.url, storage: { deleteEnabled: true } });
  client = await WireClient.connect(Number(new URL(entrepot.url).port));
});

afterEach(async () => {
  client[Symbol.dispose]();
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

/** Asks until the answers come from memory, which they do once a hit has been given. */
async function warm(...heads: readonly string[]): Promise<void> {
  for (const head of heads) {
    await eventually(60_000, 'an answer from memory', async () => isFromMemory(await client.ask(head)));
  }
}

/** Whether the app had nothing to do with an answer: those from memory have ids of their own. */
async function isFromMemory(answer: string): Promise<boolean> {
  const { headers } = await ask(entrepot.url, '/v2/');
  const [series] = headers['x-request-id']?.split('-') ?? [];
  return /X-Request-Id: (\w+)-/.exec(answer)?.[1] !== series;
}

describe('answers from memory', () => {
  test('are what the first answer was', async () => {
    const cold = timeless(await client.ask(byTag));
    await warm(byTag);
    const hit = await client.ask(byTag);
    expect(timeless(hit)).toBe(cold.replace('fwd=miss', 'hit'));
    expect(hit.endsWith(image.bytes.toString('latin1'))).toBe(true);
  });

  test('cost no query, no request upstream, and are all in the log', async () => {
    await warm(byTag, byDigest, blob);
    hub.clearLog();
    const lines = (): number =>
      entrepot.log.split('\n').filter((line) => line.includes('"docker/27"')).length;
    const before = lines();
    for (let round = 0; round < 10; round += 1) {
      for (const head of [byTag, byDigest, blob]) expect(await client.ask(head)).toMatch(/ 200 OK/);
    }
    expect(lines() - before).toBe(30);
    expect(hub.requests).toStrictEqual([]);
  });

  test('end when the image is deleted by somebody else', async () => {
    await warm(byTag, byDigest, blob);
    hub.removeTag('library/app', 'v1');
    expect((await ask(entrepot.url, `${app}/manifests/${image.digest}`, {}, 'DELETE')).status).toBe(202);
    expect(await client.ask(byTag)).toMatch(/^HTTP\/1\.1 404 /);
    for (const head of [byDigest, blob]) {
      expect(await client.ask(head)).toMatch(/\r\nCache-Status: entrepot; fwd=miss\r\n/);
    }
  });

  test('end when upstream is to be asked about the tag again, and give what it has become', async () => {
    await warm(byTag, byDigest);
    hub.addImage('library/app', 'v1', other);
    expect((await client.ask(byTag)).endsWith(image.bytes.toString('latin1'))).toBe(true);
    entrepot.clock.advance(60_001);
    expect((await client.ask(byTag)).endsWith(other.bytes.toString('latin1'))).toBe(true);
    expect((await client.ask(byDigest)).endsWith(image.bytes.toString('latin1'))).toBe(true);
    await warm(byTag);
    expect((await client.ask(byTag)).endsWith(other.bytes.toString('latin1'))).toBe(true);
  });

  test('are no answers for web pages, which are told not to keep what they get', async () => {
    await warm(byTag);
    const page = requestHead('GET', `${app}/manifests/v1`, 'User-Agent: Mozilla/5.0');
    for (let round = 0; round < 3; round += 1) {
      expect(await client.ask(page)).toMatch(/\r\nCache-Control: private, no-cache\r\n/);
    }
    expect(await isFromMemory(await client.ask(page))).toBe(false);
  });
});

describe('where clients can log in', () => {
  test('nothing is answered from memory', async () => {
    await using guarded = await TestEntrepot.start({ upstream: hub.url, auth: { passthrough: true } });
    using other = await WireClient.connect(Number(new URL(guarded.url).port));
    const ids: (string | undefined)[] = [];
    for (let round = 0; round < 4; round += 1) {
      ids.push(/X-Request-Id: (\w+)-/.exec(await other.ask(byTag))?.[1]);
    }
    expect(new Set(ids).size).toBe(1);
  });
});
