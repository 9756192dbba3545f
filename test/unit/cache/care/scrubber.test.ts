import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../../src/store/store-error.ts';
import { CareHouse, type CareHouseOptions } from '../../../support/care-house.ts';
import { eventually } from '../../../support/deadline.ts';
import { makeImage } from '../../../support/image.ts';
import { withMethods } from '../../../support/import-house.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const image = makeImage({ layers: [5000, 6000] });
const [layer, other] = image.layers;
if (layer === undefined || other === undefined) throw new Error('the image has two layers');
const blobs = [image.config, layer, other];

/** A house with an image that was stored a month ago. */
async function aged(options: CareHouseOptions = {}): Promise<CareHouse> {
  const house = await CareHouse.open(options);
  await house.hold(image, 'library/hello', 'latest', '1');
  await house.clock.advance(31 * day);
  return house;
}

/** Until the scrubber has nothing to do and sleeps. */
async function scrubbed(house: CareHouse, count: number): Promise<void> {
  await eventually(10_000, `${count} blobs that were scrubbed`, async () => {
    await house.clock.advance(1000);
    return house.scrubber.counts.blobs >= count;
  });
  await house.scrubber.stop();
}

describe('the scrubber', () => {
  it('hashes everything once in its period, and not again in the same one', async () => {
    await using house = await aged();
    house.scrubber.start();
    await scrubbed(house, 3);
    expect(house.scrubber.counts).toEqual({
      blobs: 3,
      bytes: image.config.size + 11_000,
      damaged: 0,
    });

    await house.restart();
    house.scrubber.start();
    await house.clock.advance(10 * minute);
    await house.scrubber.stop();
    expect(house.scrubber.counts.blobs).toBe(0);
  });

  it('leaves alone what was just pulled', async () => {
    await using house = await CareHouse.open();
    await house.hold(image);
    house.scrubber.start();
    await house.clock.advance(10 * minute);
    await house.scrubber.stop();
    expect(house.scrubber.counts.blobs).toBe(0);
  });

  it('of 0 never hashes anything', async () => {
    await using house = await aged({ scrubMs: 0 });
    house.scrubber.start();
    await house.clock.advance(10 * minute);
    expect(house.scrubber.counts.blobs).toBe(0);
    expect(house.clock.sleeping).toBe(0);
  });

  it('begins with what waits longest', async () => {
    const order: string[] = [];
    await using house = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: (digest, options) => {
            order.push(digest);
            return content.verify(digest, options);
          },
        }),
    });
    await house.metadata.inventory.putVerified([layer.digest], house.clock.now() - 32 * day);
    await house.metadata.inventory.putVerified([image.config.digest], house.clock.now() - 31.5 * day);
    house.scrubber.start();
    await scrubbed(house, 3);
    expect(order).toEqual([layer.digest, image.config.digest, other.digest]);
  });

  it.each([
    ['that is damaged', (house: CareHouse) => house.damage(layer.digest)],
    ['that was cut short', (house: CareHouse) => house.cutShort(layer.digest)],
    ['that is empty', (house: CareHouse) => house.cutShort(layer.digest, 0)],
  ])('puts a blob aside %s, and says so once, with the images that need it', async (_, spoil) => {
    await using house = await aged();
    await spoil(house);
    house.scrubber.start();
    await scrubbed(house, 3);

    expect(await house.quarantined()).toEqual([layer.digest]);
    expect(await house.content.size(layer.digest)).toBeUndefined();
    expect(await house.metadata.blob(layer.digest)).toBeUndefined();
    expect(await house.metadata.blob(other.digest)).toBe(other.size);
    expect(house.scrubber.counts.damaged).toBe(1);
    const told = house.log.filter((line) => line['level'] === 50);
    expect(told).toEqual([
      expect.objectContaining({ digest: layer.digest, images: ['library/hello:1', 'library/hello:latest'] }),
    ]);
  });

  it('forgets a blob whose file is missing', async () => {
    await using house = await aged();
    await house.lose(layer.digest);
    house.scrubber.start();
    await scrubbed(house, 3);
    expect(await house.metadata.blob(layer.digest)).toBeUndefined();
    expect(await house.quarantined()).toEqual([]);
    expect(house.log).toContainEqual(
      expect.objectContaining({ digest: layer.digest, msg: expect.stringContaining('missing') as unknown }),
    );
  });

  it('puts a damaged blob aside also while it is read, and its reader goes on', async () => {
    await using house = await aged();
    await house.damage(layer.digest);
    const release = house.space.inUse.hold(layer.digest);
    const reader = await house.content.open(layer.digest);
    house.scrubber.start();
    await scrubbed(house, 3);
    expect(await house.quarantined()).toEqual([layer.digest]);
    expect(await reader?.read(Buffer.alloc(5000), 5000, 0)).toBe(5000);
    await reader?.close();
    release();
  });

  it('says nothing of a blob that is evicted while it is hashed', async () => {
    await using house = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: async (digest, options) => {
            if (digest === layer.digest) {
              await house.metadata.removeBlob(digest);
              await content.remove(digest);
            }
            return content.verify(digest, options);
          },
        }),
    });
    house.scrubber.start();
    await scrubbed(house, 2);
    expect(house.scrubber.counts).toMatchObject({ blobs: 2, damaged: 0 });
    expect(house.log.filter((line) => Number(line['level']) >= 40)).toEqual([]);
  });

  it('believes the bytes that are there now, of a blob that was evicted and pulled again meanwhile', async () => {
    let spoiled = false;
    await using house = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: async (digest, options) => {
            if (digest !== layer.digest || spoiled) return content.verify(digest, options);
            spoiled = true;
            return 'missing';
          },
        }),
    });
    house.scrubber.start();
    await scrubbed(house, 3);
    expect(spoiled).toBe(true);
    expect(house.scrubber.counts.damaged).toBe(0);
    expect(await house.metadata.blob(layer.digest)).toBe(layer.size);
  });

  it('rests while the store has failed, and goes on when it works again', async () => {
    let broken = true;
    let attempts = 0;
    await using house = await aged({
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
    house.scrubber.start();
    await eventually(10_000, 'the first failure', () => !house.space.health.healthy);
    await house.clock.advance(10 * minute);
    expect(attempts).toBe(1);
    expect(house.scrubber.counts).toEqual({ blobs: 0, bytes: 0, damaged: 0 });
    broken = false;
    await scrubbed(house, 3);
    expect(house.scrubber.counts).toMatchObject({ blobs: 3, damaged: 0 });
  });

  it('does not believe verifications from the future, after the clock was wrong', async () => {
    await using house = await CareHouse.open();
    house.clock.set(3650 * day);
    await house.hold(image);
    house.clock.set(-3650 * day);
    house.scrubber.start();
    await scrubbed(house, 3);
    expect(await house.metadata.audit.oldestVerification()).toBeLessThanOrEqual(house.clock.now());
  });

  it('has nothing to do in an empty store', async () => {
    await using house = await CareHouse.open();
    house.scrubber.start();
    await house.clock.advance(60 * minute);
    expect(house.scrubber.counts).toEqual({ blobs: 0, bytes: 0, damaged: 0 });
    expect(house.log.filter((line) => Number(line['level']) >= 40)).toEqual([]);
  });

  it('keeps what it has verified when it is stopped', async () => {
    const begun = Promise.withResolvers<void>();
    await using house = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: (digest, options) => {
            if (house.scrubber.counts.blobs < 2) return content.verify(digest, options);
            begun.resolve();
            return new Promise((_, reject) => {
              options?.signal?.addEventListener('abort', () => reject(new Error('cut off')));
            });
          },
        }),
    });
    house.scrubber.start();
    await begun.promise;
    await house.scrubber.stop();
    const due = await house.metadata.inventory.dueForVerification(house.clock.now(), 10);
    expect(due).toHaveLength(1);
    expect(blobs).toHaveLength(3);
  });

  it('reads at the rate that it takes to be done in time', async () => {
    const rates: (number | undefined)[] = [];
    await using house = await aged({
      wrapContent: (content) =>
        withMethods(content, {
          verify: (digest, options) => {
            rates.push(options?.bytesPerSecond);
            return content.verify(digest, options);
          },
        }),
    });
    house.scrubber.start();
    await scrubbed(house, 3);
    expect(rates).toEqual([4 * 1024 * 1024, 4 * 1024 * 1024, 4 * 1024 * 1024]);
  });
});
