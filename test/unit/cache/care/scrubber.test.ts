import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../../src/store/store-error.ts';
import { CareFixture, type CareFixtureOptions } from '../../../support/care-fixture.ts';
import { eventually } from '../../../support/deadline.ts';
import { makeImage } from '../../../support/image.ts';
import { withMethods } from '../../../support/import-fixture.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const image = makeImage({ layers: [5000, 6000] });
const [layer, other] = image.layers;
if (layer === undefined || other === undefined) throw new Error('the image has two layers');
const blobs = [image.config, layer, other];

/** A fixture with an image that was stored a month ago. */
async function aged(options: CareFixtureOptions = {}): Promise<CareFixture> {
  const fixture = await CareFixture.open(options);
  await fixture.hold(image, 'library/hello', 'latest', '1');
  await fixture.clock.advance(31 * day);
  return fixture;
}

/** Until the scrubber has nothing to do and sleeps. */
async function scrubbed(fixture: CareFixture, count: number): Promise<void> {
  await eventually(60_000, `${count} blobs that were scrubbed`, async () => {
    await fixture.clock.advance(1000);
    return fixture.scrubber.counts.blobs >= count;
  });
  await fixture.scrubber[Symbol.asyncDispose]();
}

describe('the scrubber', () => {
  it('hashes everything once in its period, and not again in the same one', async () => {
    await using fixture = await aged();
    fixture.scrubber.start();
    await scrubbed(fixture, 3);
    expect(fixture.scrubber.counts).toEqual({
      blobs: 3,
      bytes: image.config.size + 11_000,
      damaged: 0,
    });

    await fixture.restart();
    fixture.scrubber.start();
    await fixture.clock.advance(10 * minute);
    await fixture.scrubber[Symbol.asyncDispose]();
    expect(fixture.scrubber.counts.blobs).toBe(0);
  });

  it('leaves alone what was just pulled', async () => {
    await using fixture = await CareFixture.open();
    await fixture.hold(image);
    fixture.scrubber.start();
    await fixture.clock.advance(10 * minute);
    await fixture.scrubber[Symbol.asyncDispose]();
    expect(fixture.scrubber.counts.blobs).toBe(0);
  });

  it('of 0 never hashes anything', async () => {
    await using fixture = await aged({ scrubMs: 0 });
    fixture.scrubber.start();
    await fixture.clock.advance(10 * minute);
    expect(fixture.scrubber.counts.blobs).toBe(0);
    expect(fixture.clock.sleeping).toBe(0);
  });

  it('begins with what waits longest', async () => {
    const order: string[] = [];
    await using fixture = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: (digest, options) => {
            order.push(digest);
            return content.verify(digest, options);
          },
        }),
    });
    await fixture.metadata.inventory.putVerified([layer.digest], fixture.clock.now() - 32 * day);
    await fixture.metadata.inventory.putVerified([image.config.digest], fixture.clock.now() - 31.5 * day);
    fixture.scrubber.start();
    await scrubbed(fixture, 3);
    expect(order).toEqual([layer.digest, image.config.digest, other.digest]);
  });

  it.each([
    ['that is damaged', (fixture: CareFixture) => fixture.damage(layer.digest)],
    ['that was cut short', (fixture: CareFixture) => fixture.cutShort(layer.digest)],
    ['that is empty', (fixture: CareFixture) => fixture.cutShort(layer.digest, 0)],
  ])('puts a blob aside %s, and says so once, with the images that need it', async (_, spoil) => {
    await using fixture = await aged();
    await spoil(fixture);
    fixture.scrubber.start();
    await scrubbed(fixture, 3);

    expect(await fixture.quarantined()).toEqual([layer.digest]);
    expect(await fixture.content.size(layer.digest)).toBeUndefined();
    expect(await fixture.metadata.blob(layer.digest)).toBeUndefined();
    expect(await fixture.metadata.blob(other.digest)).toBe(other.size);
    expect(fixture.scrubber.counts.damaged).toBe(1);
    const told = fixture.log.filter((line) => line['level'] === 50);
    expect(told).toEqual([
      expect.objectContaining({ digest: layer.digest, images: ['library/hello:1', 'library/hello:latest'] }),
    ]);
  });

  it('forgets a blob whose file is missing', async () => {
    await using fixture = await aged();
    await fixture.lose(layer.digest);
    fixture.scrubber.start();
    await scrubbed(fixture, 3);
    expect(await fixture.metadata.blob(layer.digest)).toBeUndefined();
    expect(await fixture.quarantined()).toEqual([]);
    expect(fixture.log).toContainEqual(
      expect.objectContaining({ digest: layer.digest, msg: expect.stringContaining('missing') as unknown }),
    );
  });

  it('puts a damaged blob aside also while it is read, and its reader goes on', async () => {
    await using fixture = await aged();
    await fixture.damage(layer.digest);
    using _ = fixture.space.inUse.hold(layer.digest);
    const reader = await fixture.content.open(layer.digest);
    fixture.scrubber.start();
    await scrubbed(fixture, 3);
    expect(await fixture.quarantined()).toEqual([layer.digest]);
    expect(await reader?.read(Buffer.alloc(5000), 5000, 0)).toBe(5000);
    await reader?.close();
  });

  it('says nothing of a blob that is evicted while it is hashed', async () => {
    await using fixture = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: async (digest, options) => {
            if (digest === layer.digest) {
              await fixture.metadata.removeBlob(digest);
              await content.remove(digest);
            }
            return content.verify(digest, options);
          },
        }),
    });
    fixture.scrubber.start();
    await scrubbed(fixture, 2);
    expect(fixture.scrubber.counts).toMatchObject({ blobs: 2, damaged: 0 });
    expect(fixture.log.filter((line) => Number(line['level']) >= 40)).toEqual([]);
  });

  it('believes the bytes that are there now, of a blob that was evicted and pulled again meanwhile', async () => {
    let spoiled = false;
    await using fixture = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: async (digest, options) => {
            if (digest !== layer.digest || spoiled) return content.verify(digest, options);
            spoiled = true;
            return 'missing';
          },
        }),
    });
    fixture.scrubber.start();
    await scrubbed(fixture, 3);
    expect(spoiled).toBe(true);
    expect(fixture.scrubber.counts.damaged).toBe(0);
    expect(await fixture.metadata.blob(layer.digest)).toBe(layer.size);
  });

  it('rests while the store has failed, and goes on when it works again', async () => {
    let broken = true;
    let attempts = 0;
    await using fixture = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: (digest, options) => {
            attempts += 1;
            return broken
              ? Promise.reject(new StoreError('IO', 'the disk is away'))
              : content.verify(digest, options);
          },
          check: () => (broken ? Promise.reject(new StoreError('IO', 'the disk is away')) : content.check()),
        }),
    });
    fixture.scrubber.start();
    await eventually(60_000, 'the first failure', () => !fixture.space.health.healthy);
    await fixture.clock.advance(10 * minute);
    expect(attempts).toBe(1);
    expect(fixture.scrubber.counts).toEqual({ blobs: 0, bytes: 0, damaged: 0 });
    broken = false;
    await scrubbed(fixture, 3);
    expect(fixture.scrubber.counts).toMatchObject({ blobs: 3, damaged: 0 });
  });

  it('does not believe verifications from the future, after the clock was wrong', async () => {
    await using fixture = await CareFixture.open();
    fixture.clock.set(3650 * day);
    await fixture.hold(image);
    fixture.clock.set(-3650 * day);
    fixture.scrubber.start();
    await scrubbed(fixture, 3);
    expect(await fixture.metadata.audit.oldestVerification()).toBeLessThanOrEqual(fixture.clock.now());
  });

  it('has nothing to do in an empty store', async () => {
    await using fixture = await CareFixture.open();
    fixture.scrubber.start();
    await fixture.clock.advance(60 * minute);
    expect(fixture.scrubber.counts).toEqual({ blobs: 0, bytes: 0, damaged: 0 });
    expect(fixture.log.filter((line) => Number(line['level']) >= 40)).toEqual([]);
  });

  it('keeps what it has verified when it is stopped', async () => {
    const begun = Promise.withResolvers<void>();
    await using fixture = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: (digest, options) => {
            if (fixture.scrubber.counts.blobs < 2) return content.verify(digest, options);
            begun.resolve();
            return new Promise((_, reject) => {
              options?.signal?.addEventListener('abort', () => reject(new Error('cut off')));
            });
          },
        }),
    });
    fixture.scrubber.start();
    await begun.promise;
    await fixture.scrubber[Symbol.asyncDispose]();
    const due = await fixture.metadata.inventory.dueForVerification(fixture.clock.now(), 10);
    expect(due).toHaveLength(1);
    expect(blobs).toHaveLength(3);
  });

  it('reads at the rate that it takes to be done in time', async () => {
    const rates: (number | undefined)[] = [];
    await using fixture = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: (digest, options) => {
            rates.push(options?.bytesPerSecond);
            return content.verify(digest, options);
          },
        }),
    });
    fixture.scrubber.start();
    await scrubbed(fixture, 3);
    expect(rates).toEqual([4 * 1024 * 1024, 4 * 1024 * 1024, 4 * 1024 * 1024]);
  });
});
