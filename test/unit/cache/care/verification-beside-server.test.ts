import { describe, expect, it } from 'vitest';
import type { VerifyEvent } from '../../../../src/cache/care/verify-events.ts';
import { CareHouse, type CareHouseOptions } from '../../../support/care-house.ts';
import { makeImage } from '../../../support/image.ts';
import { withMethods } from '../../../support/import-house.ts';

const image = makeImage({ layers: [5000, 6000] });
const stray = makeImage({ layers: [700], seed: 2 }).config;
const [layer = image.config] = image.layers;

async function holding(options: CareHouseOptions = {}): Promise<CareHouse> {
  const house = await CareHouse.open(options);
  await house.hold(image);
  return house;
}

describe('a verification beside a server at work', () => {
  it('takes nothing for lost that is evicted while it looks', async () => {
    await using house = await holding({
      wrapContent: (content) =>
        withMethods(content, {
          verify: async (digest, options) => {
            if (digest === layer.digest) await house.caretaker.remove('hello');
            return content.verify(digest, options);
          },
        }),
    });
    const { findings } = await house.verify();
    expect(findings).toEqual([]);
  });

  it('takes nothing for an orphan that is pulled while it looks', async () => {
    await using house = await holding({
      wrapContent: (content) =>
        withMethods(content, {
          verify: async (digest, options) => {
            const verdict = await content.verify(digest, options);
            if (digest === stray.digest) await house.metadata.putBlob(digest, stray.size);
            return verdict;
          },
        }),
    });
    await house.fileBlob(stray);
    expect((await house.verify()).findings).toEqual([]);
    expect((await house.verify()).report.blobs).toBe(4);
  });

  it('leaves alone a file that somebody fills or adopts right now', async () => {
    await using house = await holding();
    await house.fileBlob(stray);
    const release = house.space.inUse.hold(stray.digest);
    expect((await house.verify(true)).findings).toEqual([]);
    expect(await house.metadata.blob(stray.digest)).toBeUndefined();
    release();
  });

  it('ends with its iteration, and ends the hashing', async () => {
    const hashing = Promise.withResolvers<AbortSignal | undefined>();
    await using house = await holding({
      wrapContent: (content) =>
        withMethods(content, {
          verify: (_, options) => {
            hashing.resolve(options?.signal);
            options?.onBytes?.(100);
            return new Promise((_, reject) => {
              options?.signal?.addEventListener('abort', () => reject(new Error('cut off')));
            });
          },
        }),
    });
    const seen: VerifyEvent[] = [];
    const watching = (async () => {
      for await (const event of house.caretaker.verify({ repair: false })) {
        seen.push(event);
        if (seen.length === 2) break;
      }
    })();
    const signal = await hashing.promise;
    await house.clock.advance(1000);
    await watching;
    expect(seen[1]).toMatchObject({ type: 'progress', progress: { blobs: 0, bytes: 100 } });
    expect(signal?.aborted).toBe(true);
  });
});
