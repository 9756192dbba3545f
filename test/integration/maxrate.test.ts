import { describe, expect, it } from 'vitest';
import { ControlClient } from '../../src/control/control-client.ts';
import { remoteServices } from '../../src/control/remote-services.ts';
import { ask, verdict } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../support/test-entrepot.ts';

const repository = 'library/large';
const image = makeImage({ layers: [1_500_000, 24_000_000], seed: 7 });
const [layer = image.config, large = image.config] = image.layers;
const kibibyte = 1024;

async function begin(options: Omit<TestEntrepotOptions, 'upstream'>) {
  const hub = await FakeHub.start();
  hub.addImage(repository, 'latest', image);
  const entrepot = await TestEntrepot.start({ upstream: hub.url, ...options });
  await ask(entrepot.url, `/v2/${repository}/manifests/latest`);
  return {
    hub,
    entrepot,
    upstreams: remoteServices(new ControlClient(entrepot.folder)).upstreams,
    pull: async ({ digest, bytes }: typeof layer) =>
      verdict(await ask(entrepot.url, `/v2/${repository}/blobs/${digest}`), bytes),
    async [Symbol.asyncDispose]() {
      await entrepot[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

describe('proxy.maxrate', () => {
  it('has a layer take its time, by the clock', async () => {
    const maxRate = 1024 * kibibyte;
    await using fixture = await begin({ maxRate });
    const { clock } = fixture.entrepot;
    const startedAt = clock.monotonic();

    expect(await fixture.pull(layer)).toBe('right');

    const elapsedMs = clock.monotonic() - startedAt;
    // A tenth of a second's bytes may come at once.
    expect(elapsedMs).toBeGreaterThanOrEqual((layer.size / maxRate) * 1000 - 100 - 20);
  });

  it('is kept by many connections at once', async () => {
    const layers = makeImage({
      layers: [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => 400_000 + seed),
      seed: 9,
    }).layers;
    const maxRate = 4096 * kibibyte;
    await using fixture = await begin({ maxRate });
    for (const { bytes } of layers) fixture.hub.addBlob(repository, bytes);
    const { clock } = fixture.entrepot;
    const startedAt = clock.monotonic();

    expect(new Set(await Promise.all(layers.map(fixture.pull)))).toEqual(new Set(['right']));

    const total = layers.reduce((sum, { size }) => sum + size, 0);
    expect(clock.monotonic() - startedAt).toBeGreaterThanOrEqual((total / maxRate) * 1000 - 100 - 20);
  });

  it('is no reason to give up a body that stands still for longer than the idle timeout', async () => {
    await using fixture = await begin({ maxRate: 512 * kibibyte, timeouts: { idleMs: 50 } });

    expect(await fixture.pull(layer)).toBe('right');

    const requests = fixture.hub.requests.filter(
      ({ server, digest }) => server === 'cdn' && digest === layer.digest,
    );
    expect(requests).toHaveLength(1);
  });

  it('has a large layer come over one connection: more would bring nothing', async () => {
    await using fixture = await begin({ maxRate: 16 * 1024 * kibibyte });

    expect(await fixture.pull(large)).toBe('right');

    const helped = fixture.entrepot.log
      .split('\n')
      .filter((line) => line.includes('so many connections help a blob'))
      .map((line) => (JSON.parse(line) as { readonly connections: number }).connections);
    expect(Math.max(1, ...helped)).toBe(1);
    expect(fixture.hub.bytesSent(large.digest)).toBe(large.size);
  });

  it('is changed while a layer comes, for one upstream or for all', async () => {
    await using fixture = await begin({ maxRate: 16 * kibibyte });
    const { hub, upstreams, pull } = fixture;
    const pulling = pull(layer);
    await eventually(60_000, 'the first bytes', () => hub.bytesSent(layer.digest) > 0);

    await upstreams.rates({ upstream: 'docker.io', bytesPerSecond: 32 * kibibyte });
    expect(await upstreams.rates({ upstream: null, bytesPerSecond: null })).toEqual([
      { upstream: null, bytesPerSecond: null, atStart: 16 * kibibyte },
      { upstream: 'docker.io', bytesPerSecond: 32 * kibibyte, atStart: null },
    ]);
    await upstreams.rates({ upstream: 'docker.io', bytesPerSecond: null });

    expect(await pulling).toBe('right');
    await expect(upstreams.rates({ upstream: 'ghcr.io', bytesPerSecond: null })).rejects.toMatchObject({
      kind: 'invalid',
      message: 'ghcr.io is not mirrored here; this mirror serves docker.io',
    });
  });

  it('is in the statistics', async () => {
    await using fixture = await begin({ maxRate: 1024 * kibibyte });
    const { caretaker } = remoteServices(new ControlClient(fixture.entrepot.folder));

    expect((await caretaker.stats()).server).toMatchObject({ maxRate: 1024 * kibibyte });
  });
});
