import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { FakeHub, type FakeHubOptions } from '../../support/fake-hub.ts';
import { makeImage, noise } from '../../support/image.ts';
import { clientOf, failureOf, readAll, repositoryName, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const image = makeImage();
const bytes = noise(500_000, 'failover');
const digest = digestOf(bytes);

async function hubWithAll(options?: FakeHubOptions): Promise<FakeHub> {
  const hub = await FakeHub.start(options);
  hub.addImage('library/busybox', 'latest', image);
  hub.addBlob('library/busybox', bytes);
  return hub;
}

describe('an upstream with two URLs', () => {
  it('is pulled from the second one while the first is down, and from the first one before', async () => {
    await using first = await hubWithAll();
    await using second = await hubWithAll();
    await using client = clientOf([first.url, second.url]);
    await client.registry.getManifest(busybox, latest);
    expect(second.requests).toEqual([]);
    first.down();
    expect((await client.registry.getManifest(busybox, latest)).bytes.equals(image.bytes)).toBe(true);
    expect(
      (await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }))).equals(bytes),
    ).toBe(true);
  });

  it('has tokens of its own at each', async () => {
    const owner = { username: 'owner', password: 'hunter2-hunter2' };
    await using first = await hubWithAll({ credentials: owner });
    await using second = await hubWithAll({ credentials: owner });
    for (const hub of [first, second]) hub.makePrivate('library/busybox');
    const hosts: string[] = [];
    const credentials = {
      get: (host: string) => {
        hosts.push(host);
        return Promise.resolve(owner);
      },
    };
    await using client = clientOf([first.url, second.url], { credentials });
    await client.registry.getManifest(busybox, latest);
    first.fault({ on: 'manifest', kind: 'status', status: 503 });
    await client.registry.getManifest(busybox, latest);
    expect(first.issuedTokens).toHaveLength(1);
    expect(second.issuedTokens).toHaveLength(1);
    expect(new Set(hosts)).toEqual(new Set([new URL(first.url).host, new URL(second.url).host]));
  });

  it('gives the rest of a blob that the first one cut', async () => {
    await using first = await hubWithAll();
    await using second = await hubWithAll();
    await using client = clientOf([first.url, second.url]);
    first.fault({ on: 'blob', kind: 'cut', afterBytes: 100_000 });
    const received: Buffer[] = [];
    const read = async (): Promise<void> => {
      const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
      for await (const chunk of blob.body) received.push(Buffer.from(chunk));
    };
    expect((await failureOf(read())).kind).toBe('unavailable');
    const start = Buffer.concat(received);
    const rest = await client.registry.openBlob(busybox, digest, { offset: start.length });
    expect(rest.offset).toBe(start.length);
    expect(Buffer.concat([start, await readAll(rest)]).equals(bytes)).toBe(true);
    expect(second.bytesSent(digest)).toBe(bytes.length - start.length);
  });

  it('spends a pull where its HEAD was answered, and nowhere else', async () => {
    await using first = await FakeHub.start({ rateLimit: { limit: 100, window: 21_600 } });
    await using second = await hubWithAll({ rateLimit: { limit: 100, window: 21_600 } });
    await using client = clientOf([first.url, second.url]);
    const head = await client.registry.headManifest(busybox, latest);
    expect(head.digest).toBe(image.digest);
    first.clearLog();
    await client.registry.getManifest(busybox, { digest: image.digest });
    expect(first.requests).toEqual([]);
    expect(second.pulls).toBe(1);
  });
});
