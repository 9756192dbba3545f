import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const image = makeImage({ layers: [500_000] });
const [layer = image.config] = image.layers;
const accept = { accept: image.mediaType };

let first: FakeHub;
let second: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  [first, second] = [await FakeHub.start(), await FakeHub.start()];
  for (const hub of [first, second]) hub.addImage('owner/app', 'v1', image);
  entrepot = await TestEntrepot.start({
    upstream: first.url,
    others: [{ name: 'two.example', url: [first.url, second.url] }],
  });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await Promise.all([first.close(), second.close()]);
});

async function pull(noun: string, right: Uint8Array): Promise<string> {
  return verdict(await ask(entrepot.url, `/v2/two.example/owner/app/${noun}`, accept), right);
}

describe('an upstream whose first URL gives wrong bytes', () => {
  test('is pulled from the second one where a manifest is wrong', async () => {
    first.fault({ on: 'manifest', method: 'GET', kind: 'wrong-manifest' });
    expect(await pull('manifests/v1', image.bytes)).toBe('right');
  });

  test('gives a wrong blob to nobody, and is asked for it at the second one from then on', async () => {
    first.fault({ on: 'blob', method: 'GET', kind: 'corrupt', atByte: 100 });
    expect(await pull('manifests/v1', image.bytes)).toBe('right');
    expect(await pull(`blobs/${layer.digest}`, layer.bytes)).toBe('cut');
    expect(await pull(`blobs/${layer.digest}`, layer.bytes)).toBe('right');
    expect(second.bytesSent(layer.digest)).toBe(layer.size);
  });
});
