import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../../src/store/store-error.ts';
import type { Tag } from '../../../../src/oci/reference.ts';
import { CareFixture, repository } from '../../../support/care-fixture.ts';
import { withMethods } from '../../../support/import-fixture.ts';
import { holding, hour, old, prune, shared, sizeOf, young } from './two-images.ts';

describe('pins', () => {
  it('are those of the configuration and those made by hand, which outlive a restart', async () => {
    await using fixture = await CareFixture.open({ space: { pins: ['node:*'] } });
    await fixture.caretaker.pin('ghcr.io/*');
    await fixture.caretaker.pin('ghcr.io/*');
    await fixture.restart();
    expect(await fixture.caretaker.pins()).toEqual([
      { pattern: 'node:*', source: 'configuration', createdAt: null },
      { pattern: 'ghcr.io/*', source: 'command', createdAt: fixture.clock.now() },
    ]);
  });

  it('made by hand can be taken back', async () => {
    await using fixture = await CareFixture.open();
    await fixture.caretaker.pin('node:*');
    expect(await fixture.caretaker.unpin('node:*')).toBe(true);
    expect(await fixture.caretaker.unpin('node:*')).toBe(false);
    expect(await fixture.caretaker.pins()).toEqual([]);
  });

  it('of the configuration stay until they are removed there', async () => {
    await using fixture = await CareFixture.open({ space: { pins: ['node:*'] } });
    await expect(fixture.caretaker.unpin('node:*')).rejects.toMatchObject({ kind: 'invalid' });
    expect(await fixture.caretaker.pins()).toHaveLength(1);
  });

  it.each(['', '[', 'a b', 'ghcr.io'])('%j is refused: it could protect nothing', async (pattern) => {
    await using fixture = await CareFixture.open();
    await expect(fixture.caretaker.pin(pattern)).rejects.toMatchObject({ kind: 'invalid' });
    expect(await fixture.caretaker.pins()).toEqual([]);
  });
});

describe('the numbers of a cache', () => {
  it('are those of the store, its limits, and the server', async () => {
    await using fixture = await holding({
      space: {
        maxsize: { bytes: 1e9 },
        minfree: { percent: 10 },
        quotas: [
          { upstream: repository('ghcr.io/owner/app').upstream, bytes: 5e8 },
          { match: 'docker.io/library/*', bytes: 3e8 },
        ],
      },
    });
    const ingest = await fixture.content.ingest(shared.digest);
    await ingest.write([Buffer.alloc(300)]);
    await ingest.close();
    await fixture.damage(old.config.digest);
    await fixture.content.quarantine(old.config.digest);
    await fixture.caretaker.remove('ghcr.io/owner/app:1');
    const { size } = await fixture.content.room();
    expect(await fixture.caretaker.stats()).toEqual({
      store: {
        repositories: 1,
        tags: 1,
        manifests: 1,
        blobs: 2,
        bytes: sizeOf(old),
        databaseBytes: expect.any(Number) as unknown,
        partial: { blobs: 1, bytes: 300 },
        quarantine: { blobs: 1, bytes: old.config.size },
      },
      disk: expect.objectContaining({ size }) as unknown,
      limits: {
        maxsize: 1e9,
        minfree: Math.floor(size / 10),
        quotas: [
          { match: 'ghcr.io/*', bytes: 5e8 },
          { match: 'docker.io/library/*', bytes: 3e8 },
        ],
      },
      cache: { state: 'healthy', problems: [] },
      scrub: { periodMs: 30 * 24 * hour, oldestVerifiedAt: fixture.clock.now() - hour },
      server: {
        offline: false,
        maxRate: null,
        nextWarmAt: null,
        startedAt: fixture.clock.now() - hour,
        uptimeMs: hour,
        ahead: { bytes: 0, unaskedBytes: 0 },
        evicted: { images: 1, bytes: sizeOf(young) },
        scrubbed: { blobs: 0, bytes: 0 },
        damaged: 0,
      },
    });
  });

  it('say what is wrong with a store that fails, and go without what cannot be asked', async () => {
    const away = () => Promise.reject(new StoreError('IO', 'the disk is away'));
    await using fixture = await holding({
      scrubMs: 0,
      space: { minfree: { percent: 10 } },
      wrapContent: (content) => withMethods(content, { room: away, check: away }),
    });
    fixture.space.health.failed(new StoreError('NOT_WRITABLE', 'read-only'));
    const stats = await fixture.caretaker.stats();
    expect(stats).toMatchObject({ disk: null, limits: { minfree: null }, scrub: { periodMs: null } });
    expect(stats.cache.state).toBe('failed');
    expect(stats.cache.problems.join()).toContain('the disk is away');
  });
});

describe('trouble with the stores', () => {
  it('is told as what it is', async () => {
    await using fixture = await holding();
    const caretaker = fixture.caretaker;
    await fixture.metadata.close();
    await expect(caretaker.remove('node:20')).rejects.toBeInstanceOf(StoreError);
    await expect(Array.fromAsync(caretaker.images())).rejects.toBeInstanceOf(StoreError);
    await expect(Array.fromAsync(caretaker.verify({ repair: false }))).rejects.toBeInstanceOf(StoreError);
  });
});

describe('everything that a caretaker says', () => {
  it('is the same after a way through JSON', async () => {
    await using fixture = await holding({ space: { pins: ['node'] } });
    await fixture.metadata.removeTag(repository('ghcr.io/owner/app'), '1' as Tag);
    const { caretaker } = fixture;
    const said = [
      await Array.fromAsync(caretaker.images()),
      await Array.fromAsync(caretaker.usage()),
      await caretaker.pins(),
      await caretaker.stats(),
      await Array.fromAsync(caretaker.verify({ repair: false })),
      await prune(fixture, { toBytes: 0, dryRun: true }),
      await caretaker.remove(`ghcr.io/owner/app@${young.digest}`),
    ];
    expect(JSON.parse(JSON.stringify(said))).toStrictEqual(said);
  });
});
