import { describe, expect, it } from 'vitest';
import type { VerifyEvent } from '../../../../src/cache/care/schemas.ts';
import { CareFixture, type CareFixtureOptions } from '../../../support/care-fixture.ts';
import { makeImage } from '../../../support/image.ts';
import { withMethods } from '../../../support/import-fixture.ts';

const image = makeImage({ layers: [5000, 6000] });
const stray = makeImage({ layers: [700], seed: 2 }).config;
const [layer = image.config] = image.layers;

async function holding(options: CareFixtureOptions = {}): Promise<CareFixture> {
  const fixture = await CareFixture.open(options);
  await fixture.hold(image);
  return fixture;
}

describe('a verification beside a server at work', () => {
  it('takes nothing for lost that is evicted while it looks', async () => {
    await using fixture = await holding({
      wrapContent: (content) =>
        withMethods(content, {
          verify: async (digest, options) => {
            if (digest === layer.digest) await fixture.caretaker.remove('hello');
            return content.verify(digest, options);
          },
        }),
    });
    const { findings } = await fixture.verify();
    expect(findings).toEqual([]);
  });

  it('takes nothing for an orphan that is pulled while it looks', async () => {
    await using fixture = await holding({
      wrapContent: (content) =>
        withMethods(content, {
          verify: async (digest, options) => {
            const verdict = await content.verify(digest, options);
            if (digest === stray.digest) await fixture.metadata.putBlob(digest, stray.size);
            return verdict;
          },
        }),
    });
    await fixture.fileBlob(stray);
    expect((await fixture.verify()).findings).toEqual([]);
    expect((await fixture.verify()).report.blobs).toBe(4);
  });

  it('leaves alone a file that somebody fills or adopts right now', async () => {
    await using fixture = await holding();
    await fixture.fileBlob(stray);
    using _ = fixture.space.inUse.hold(stray.digest);
    expect((await fixture.verify(true)).findings).toEqual([]);
    expect(await fixture.metadata.blob(stray.digest)).toBeUndefined();
  });

  it('ends with its iteration, and ends the hashing', async () => {
    const hashing = Promise.withResolvers<AbortSignal | undefined>();
    await using fixture = await holding({
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
      for await (const event of fixture.caretaker.verify({ repair: false })) {
        seen.push(event);
        if (seen.length === 2) break;
      }
    })();
    const signal = await hashing.promise;
    await fixture.clock.advance(1000);
    await watching;
    expect(seen[1]).toMatchObject({ type: 'progress', progress: { blobs: 0, bytes: 100 } });
    expect(signal?.aborted).toBe(true);
  });
});
