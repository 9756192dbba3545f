import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../../src/oci/digest.ts';
import type { Evictions } from '../../../../src/store/evictions.ts';
import { StoreError } from '../../../../src/store/store-error.ts';
import { eventually } from '../../../support/deadline.ts';
import { MirrorFixture, readAll, target } from '../../../support/mirror-fixture.ts';
import { noise } from '../../../support/image.ts';
import { cachedBlobs, pruneAll, pull, publish } from '../../../support/published-image.ts';
import { wrapped } from '../../../support/wrapped.ts';

const kib = 1024;

describe('many pulls over a small cap', () => {
  it('all end right, and never is more held than the cap and what is in flight', async () => {
    const cap = 1200 * kib;
    const size = 200 * kib;
    const atOnce = 20;
    let most = 0;
    await using fixture = await MirrorFixture.open({
      space: { maxsize: { bytes: cap } },
      wrapMetadata: (metadata) =>
        wrapped(metadata, {
          putBlob: async (digest, bytes) => {
            await metadata.putBlob(digest, bytes);
            most = Math.max(most, (await metadata.evictions.usage()).bytes);
          },
        }),
    });
    const blobs = Array.from({ length: 3 * atOnce }, (_, index) => noise(size, `blob ${index}`));
    for (const bytes of blobs) fixture.upstream.addBlob('library/many', bytes);
    const pullOne = async (bytes: Buffer): Promise<boolean> => {
      const blob = await fixture.mirror.openBlob(target('library/many'), digestOf(bytes));
      return (await readAll(blob)).equals(bytes);
    };

    for (let start = 0; start < blobs.length; start += atOnce) {
      const right = await Promise.all(blobs.slice(start, start + atOnce).map(pullOne));
      expect(right).toEqual(right.map(() => true));
      await fixture.settled();
    }

    const { bytes, databaseBytes } = await fixture.metadata.evictions.usage();
    expect(bytes + databaseBytes).toBeLessThanOrEqual(cap);
    expect(bytes).toBeGreaterThan(0);
    expect((await cachedBlobs(fixture)).size * size).toBe(bytes);
    expect(await Array.fromAsync(fixture.content.listPartial())).toEqual([]);
    expect(most).toBeLessThanOrEqual(cap + atOnce * size);
    expect(fixture.upstream.count('BLOB')).toBe(blobs.length);
  });

  it('do not wait for evictions, however long those take', async () => {
    const gate = Promise.withResolvers<undefined>();
    let held = 0;
    await using fixture = await MirrorFixture.open({
      space: { maxsize: { bytes: 700 * kib } },
      wrapMetadata: (metadata) => {
        const evictions: Evictions = wrapped(metadata.evictions, {
          evict: async (request) => {
            held += 1;
            await gate.promise;
            return metadata.evictions.evict(request);
          },
        });
        return wrapped(metadata, { evictions });
      },
    });

    for (const name of ['one', 'two', 'three']) await pull(fixture, name, publish(fixture, name, 400 * kib));

    expect(held).toBe(1);
    gate.resolve(undefined);
    await fixture.settled();
    const { bytes, databaseBytes } = await fixture.metadata.evictions.usage();
    expect(bytes + databaseBytes).toBeLessThanOrEqual(700 * kib);
  });
});

describe('an eviction of many images', () => {
  it('takes the next while the bytes of those before are still going, and ends when all are gone', async () => {
    const gate = Promise.withResolvers<undefined>();
    const [asked, gone] = [new Set<string>(), new Set<string>()];
    await using fixture = await MirrorFixture.open({
      wrapContent: (content) =>
        wrapped(content, {
          remove: async (digest) => {
            asked.add(digest);
            if (asked.size === 1) await gate.promise;
            const removed = await content.remove(digest);
            gone.add(digest);
            return removed;
          },
        }),
      wrapMetadata: (metadata) => {
        const evictions: Evictions = wrapped(metadata.evictions, {
          // One image a step.
          evict: (request) => metadata.evictions.evict({ ...request, bytes: 1 }),
        });
        return wrapped(metadata, { evictions });
      },
    });
    for (const name of ['one', 'two', 'three']) await pull(fixture, name, publish(fixture, name, 10 * kib));
    await fixture.settled();
    const held = await cachedBlobs(fixture);

    let ended = false;
    const pruning = pruneAll(fixture).finally(() => {
      ended = true;
    });
    await eventually(60_000, 'all but what is held up to be gone', () => gone.size === held.size - 1);

    expect(asked).toEqual(held);
    expect(ended).toBe(false);
    gate.resolve(undefined);
    expect(await pruning).toHaveLength(3);
    expect(await cachedBlobs(fixture)).toEqual(new Set());
    expect(await fixture.metadata.evictions.condemned(10)).toEqual([]);
  });

  it('leaves behind only what could not be removed, and that goes later', async () => {
    let failures = 1;
    await using fixture = await MirrorFixture.open({
      wrapContent: (content) =>
        wrapped(content, {
          remove: async (digest) => {
            failures -= 1;
            if (failures === 0) throw new StoreError('IO', 'removing a blob: EIO');
            return content.remove(digest);
          },
        }),
    });
    for (const name of ['one', 'two', 'three']) await pull(fixture, name, publish(fixture, name, 10 * kib));
    await fixture.settled();

    await pruneAll(fixture);

    const left = await cachedBlobs(fixture);
    expect(left.size).toBe(1);
    expect(new Set(await fixture.metadata.evictions.condemned(10))).toEqual(left);
    await fixture.space.remover.workOff(new AbortController().signal);
    expect(await cachedBlobs(fixture)).toEqual(new Set());
    expect(await fixture.metadata.evictions.condemned(10)).toEqual([]);
  });

  it('has ended before the stores are closed', async () => {
    const gate = Promise.withResolvers<undefined>();
    let going = 0;
    await using fixture = await MirrorFixture.open({
      wrapContent: (content) =>
        wrapped(content, {
          remove: async (digest) => {
            going += 1;
            await gate.promise;
            const removed = await content.remove(digest);
            going -= 1;
            return removed;
          },
        }),
    });
    await pull(fixture, 'one', publish(fixture, 'one', 10 * kib));
    await fixture.settled();
    const pruning = pruneAll(fixture);
    await eventually(60_000, 'both blobs to be going', () => going === 2);

    let closed = false;
    const closing = fixture.space[Symbol.asyncDispose]().finally(() => {
      closed = true;
    });
    await turn();
    expect(closed).toBe(false);
    gate.resolve(undefined);
    await closing;
    expect(going).toBe(0);
    expect(await pruning).toHaveLength(1);
  });
});
