import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { ask, verdict } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, noise, type Image } from '../support/image.ts';
import { RawClient } from '../support/raw-client.ts';
import { noPartialBlobs } from '../support/store-folder.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../support/test-entrepot.ts';

const wrong = 'someone/wrong';
const right = 'someone/right';

/** An image with one layer, and its manifest with a size of that layer that somebody made up. */
function lying(size: number, stated: number): { readonly image: Image; readonly manifest: Buffer } {
  const image = makeImage({ layers: [size], seed: size });
  const text = image.bytes.toString().replace(`"size": ${size}\n`, `"size": ${stated}\n`);
  if (text === image.bytes.toString() && stated !== size) throw new Error('that is no lie');
  return { image, manifest: Buffer.from(text) };
}

interface Lie {
  readonly size: number;
  readonly stated: number;
}

/** One layer that is verified before its first byte goes out, one that goes out while it arrives. */
const lies: readonly Lie[] = [2_000, 300_000].flatMap((size) =>
  [0, 1, size - 1, size + 1, 5_000_000_000_000].map((stated) => ({ size, stated })),
);

async function begin({ size, stated }: Lie, options: Partial<TestEntrepotOptions> = {}) {
  const { image, manifest } = lying(size, stated);
  const [layer = image.config] = image.layers;
  const hub = await FakeHub.start();
  hub.addImage(right, 'latest', image);
  const digest = hub.addManifest(wrong, manifest, image.mediaType, 'latest');
  for (const { bytes } of [image.config, layer]) hub.addBlob(wrong, bytes);
  const entrepot = await TestEntrepot.start({ upstream: hub.url, ...options });
  const pathIn = (repository: string): string => `/v2/${repository}/blobs/${layer.digest}`;
  return {
    hub,
    entrepot,
    layer,
    pathIn,
    /** Has a repository's manifest pulled. */
    pull: async (repository: string) => {
      const answer = await ask(entrepot.url, `/v2/${repository}/manifests/latest`);
      expect(answer.status).toBe(200);
      return digest;
    },
    get: async (repository: string, headers: Readonly<Record<string, string>> = {}) => {
      const answer = await ask(entrepot.url, pathIn(repository), headers);
      return [verdict(answer, layer.bytes), answer.headers['content-length']];
    },
    head: async (repository: string) => {
      const { status, headers } = await ask(entrepot.url, pathIn(repository), {}, 'HEAD');
      return [status, headers['content-length']];
    },
    async [Symbol.asyncDispose]() {
      await entrepot[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

describe.each(lies)('a layer of $size bytes of which a manifest states $stated', (lie) => {
  const whole = ['right', String(lie.size)];

  test('is answered whole when it is cold, after a HEAD, and when it is held', async () => {
    await using fixture = await begin(lie);
    await fixture.pull(wrong);

    await fixture.head(wrong);
    expect(await fixture.get(wrong)).toEqual(whole);
    await noPartialBlobs(fixture.entrepot.folder);
    for (let time = 0; time < 3; time += 1) {
      expect(await fixture.head(wrong)).toEqual([200, String(lie.size)]);
      expect(await fixture.get(wrong)).toEqual(whole);
    }
    fixture.hub.down();
    await fixture.entrepot.restart();
    expect(await fixture.head(wrong)).toEqual([200, String(lie.size)]);
    expect(await fixture.get(wrong)).toEqual(whole);
  });

  test('hurts no other repository, whoever is the first to ask', async () => {
    for (const order of [
      [wrong, right],
      [right, wrong],
    ]) {
      await using fixture = await begin(lie);
      for (const repository of order) await fixture.pull(repository);
      fixture.hub.fault({ on: 'cdn', kind: 'delay', ms: 50 });

      const answers = await Promise.all(order.map((repository) => fixture.get(repository)));

      expect(answers).toEqual([whole, whole]);
      expect(fixture.hub.bytesSent(fixture.layer.digest)).toBe(lie.size);
      for (const repository of order) expect(await fixture.head(repository)).toEqual([200, String(lie.size)]);
    }
  });

  test('gives the right parts on a miss', async () => {
    await using fixture = await begin(lie);
    await fixture.pull(wrong);

    const answer = await ask(fixture.entrepot.url, fixture.pathIn(wrong), { range: 'bytes=1000-' });

    expect(answer.status).toBe(206);
    expect(answer.headers['content-range']).toBe(`bytes 1000-${lie.size - 1}/${lie.size}`);
    expect(verdict(answer, fixture.layer.bytes)).toBe('right');
  });

  test('is resumed after a restart', async () => {
    await using fixture = await begin(lie, { timeouts: { idleMs: 60_000 } });
    await fixture.pull(wrong);
    const half = Math.floor(lie.size / 2);
    const stopped = Promise.withResolvers<void>();
    fixture.hub.fault({ on: 'cdn', kind: 'hold', afterBytes: half, until: stopped.promise, times: 1 });
    using client = await RawClient.connect(fixture.entrepot.url);
    client.request('GET', fixture.pathIn(wrong));
    await eventually(60_000, 'half of it', () => fixture.hub.bytesSent(fixture.layer.digest) >= half);
    await fixture.entrepot.restart();
    stopped.resolve();

    expect(await fixture.get(wrong)).toEqual(whole);
    fixture.hub.down();
    expect(await fixture.get(wrong)).toEqual(whole);
  });

  test('is fetched ahead without harm', async () => {
    await using fixture = await begin(lie, { pullAhead: { enabled: true, parallel: 4 } });
    await fixture.pull(wrong);

    expect(await fixture.get(wrong)).toEqual(whole);
    expect(await fixture.get(right)).toEqual(whole);
  });

  test('is stored although there would be no room for what is stated', async () => {
    await using fixture = await begin(lie, { storage: { maxsize: { bytes: 4 * 1024 * 1024 } } });
    await fixture.pull(wrong);

    expect(await fixture.get(wrong)).toEqual(whole);
    await noPartialBlobs(fixture.entrepot.folder);
    fixture.hub.down();
    expect(await fixture.get(wrong)).toEqual(whole);
  });
});

describe('a blob of which upstream states no size', () => {
  const noSize = { on: 'blob', kind: 'no-content-length' } as const;

  test.each([
    { size: 2_000, length: '2000' },
    { size: 300_000, length: undefined },
  ])('of $size bytes: a client is told $length', async ({ size, length }) => {
    await using fixture = await begin({ size, stated: size });
    fixture.hub.fault(noSize);
    await fixture.pull(right);

    expect(await fixture.get(right)).toEqual(['right', length]);
    expect(await fixture.get(right)).toEqual(['right', String(size)]);
  });

  test('goes out while it arrives', async () => {
    await using fixture = await begin({ size: 300_000, stated: 1 });
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    fixture.hub.fault({ on: 'cdn', kind: 'hold', afterBytes: 200_000, until: opened, times: 1 });
    fixture.hub.fault(noSize);
    using client = await RawClient.connect(fixture.entrepot.url);
    client.request('GET', fixture.pathIn(right));

    expect((await client.head()).status).toBe(200);
    open();
    expect(await fixture.get(right)).toEqual(['right', expect.anything()]);
  });

  test('is cut, not ended, when it turns out wrong', async () => {
    const bytes = noise(300_000, 'right');
    const upstream = createServer((_, response) => {
      response.write(noise(200_000, 'wrong'));
      response.end(noise(100_000, 'more of it'));
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as AddressInfo;
    await using entrepot = await TestEntrepot.start({ upstream: `http://127.0.0.1:${port}` });

    const answer = await ask(entrepot.url, `/v2/${right}/blobs/${digestOf(bytes)}`);

    upstream.close();
    expect([answer.status, answer.headers['transfer-encoding']]).toEqual([200, 'chunked']);
    expect(verdict(answer, bytes)).toBe('cut');
  });

  test('gives a part once it is whole', async () => {
    await using fixture = await begin({ size: 300_000, stated: 300_000 });
    await fixture.pull(right);
    fixture.hub.fault(noSize);

    const answer = await ask(fixture.entrepot.url, fixture.pathIn(right), { range: 'bytes=-1000' });

    expect([answer.status, verdict(answer, fixture.layer.bytes)]).toEqual([206, 'right']);
  });

  test('has a length for a client of HTTP/1.0, which could not tell a cut from the end', async () => {
    await using fixture = await begin({ size: 300_000, stated: 300_000 });
    await fixture.pull(right);
    fixture.hub.fault(noSize);
    using client = await RawClient.connect(fixture.entrepot.url);
    client.send(`GET ${fixture.pathIn(right)} HTTP/1.0\r\nHost: mirror\r\n\r\n`);

    const answer = await client.answer();

    expect(answer.headers['content-length']).toBe('300000');
    expect(verdict(answer, fixture.layer.bytes)).toBe('right');
  });
});

describe('a blob of which upstream states that it has no bytes', () => {
  const stateNothing = async (bytes: Buffer) => {
    const upstream = createServer((_, response) => response.setHeader('content-length', 0).end());
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as AddressInfo;
    await using entrepot = await TestEntrepot.start({ upstream: `http://127.0.0.1:${port}` });
    const path = `/v2/${right}/blobs/${digestOf(bytes)}`;
    const answers = [await ask(entrepot.url, path), await ask(entrepot.url, path)];
    upstream.close();
    return answers;
  };

  test('is a bad gateway, and no whole answer, unless that is its digest', async () => {
    for (const answer of await stateNothing(noise(2_000, 'right'))) {
      expect(answer.status).toBe(502);
      expect(answer.bytes.toString()).toContain('does not match its digest');
    }
  });

  test('is empty if that is its digest', async () => {
    for (const { status, headers, bytes } of await stateNothing(Buffer.alloc(0)))
      expect([status, headers['content-length'], bytes.length]).toEqual([200, '0', 0]);
  });
});
