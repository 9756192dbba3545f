import { describe, expect, it } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { FakeHub, type FakeHubOptions } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const repository = 'library/large';
const image = makeImage({ layers: [24_000_000], seed: 7 });
const [layer = image.config] = image.layers;
const path = `/v2/${repository}/blobs/${layer.digest}`;

/** A hub with one large layer, 20 MB/s a connection, and an Entrepot that knows its size. */
async function begin(options: FakeHubOptions = {}) {
  const hub = await FakeHub.start({ bytesPerSecond: 20e6, ...options });
  hub.addImage(repository, 'latest', image);
  const entrepot = await TestEntrepot.start({ upstream: hub.url });
  await ask(entrepot.url, `/v2/${repository}/manifests/latest`);
  return {
    hub,
    entrepot,
    /** The requests for parts of the layer that were answered with bytes, as their `Range` says. */
    ranges: () =>
      hub.requests
        .filter(({ digest, status }) => digest === layer.digest && (status === 206 || status === 200))
        .map(({ headers }) => headers.range),
    async [Symbol.asyncDispose]() {
      await entrepot[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

describe('a large layer', () => {
  it('comes in ranges, every byte once, over one redirect', async () => {
    await using fixture = await begin();

    const answer = await ask(fixture.entrepot.url, path);

    expect(verdict(answer, layer.bytes)).toBe('right');
    const ranges = fixture.ranges();
    expect(ranges.length).toBeGreaterThan(2);
    expect(ranges[0]).toBe('bytes=0-1048575');
    expect(fixture.hub.bytesSent(layer.digest)).toBe(layer.bytes.length);
    const redirects = fixture.hub.requests.filter((one) => one.path === path && one.status === 307);
    expect(redirects).toHaveLength(1);
  });

  it('is whole though ranges are cut and signed URLs expire on the way', async () => {
    await using fixture = await begin();
    fixture.hub.fault({ on: 'blob', kind: 'hold', match: layer.digest, times: 1, until: Promise.resolve() });
    fixture.hub.fault({ on: 'blob', kind: 'cut', afterBytes: 500_000, match: layer.digest, times: 2 });
    fixture.hub.fault({ on: 'blob', kind: 'expired-url', match: layer.digest, times: 2 });

    const answer = await ask(fixture.entrepot.url, path);

    expect(verdict(answer, layer.bytes)).toBe('right');
  });

  it('with one wrong byte in one of its ranges never ends well', async () => {
    await using fixture = await begin();
    fixture.hub.fault({ on: 'blob', kind: 'corrupt', atByte: 11_000_000, match: layer.digest });

    const answer = await ask(fixture.entrepot.url, path);

    expect(verdict(answer, layer.bytes)).not.toBe('right');
    fixture.hub.clearFaults();
    expect(verdict(await ask(fixture.entrepot.url, path), layer.bytes)).toBe('right');
  });

  it('comes whole from an upstream that ignores ranges', async () => {
    await using fixture = await begin({ bytesPerSecond: 200e6 });
    fixture.hub.fault({ on: 'blob', kind: 'ignore-range', match: layer.digest });

    const answer = await ask(fixture.entrepot.url, path);

    expect(verdict(answer, layer.bytes)).toBe('right');
    expect(fixture.hub.bytesSent(layer.digest)).toBe(layer.bytes.length);
  });

  it('comes whole from a host that says 429 to a second connection', async () => {
    await using fixture = await begin({ cdn: false, auth: 'none', bytesPerSecond: 60e6 });
    const first = fixture.hub.fault({ on: 'blob', kind: 'delay', ms: 1, match: layer.digest, times: 1 });
    fixture.hub.fault({ on: 'blob', kind: 'status', status: 429, match: layer.digest, times: 1 });

    const answer = await ask(fixture.entrepot.url, path);

    expect(first.hits).toBe(1);
    expect(verdict(answer, layer.bytes)).toBe('right');
    expect(fixture.hub.bytesSent(layer.digest)).toBe(layer.bytes.length);
  });
});
