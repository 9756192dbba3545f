import { describe, expect, it } from 'vitest';
import type { UsageListing } from '../../../../src/cache/care/schemas.ts';
import { CareFixture } from '../../../support/care-fixture.ts';
import { holding, hour, images, old, shared, sizeOf, young } from './two-images.ts';

describe('a list of images', () => {
  it('tells all there is to know of each, under the name that people write', async () => {
    await using fixture = await holding({ space: { pins: ['ghcr.io/**'] } });
    const now = fixture.clock.now();
    expect(await Array.fromAsync(fixture.caretaker.images())).toEqual([
      {
        image: 'library/node:20',
        repository: 'library/node',
        upstream: 'docker.io',
        tag: '20',
        digest: old.digest,
        mediaType: old.mediaType,
        bytes: sizeOf(old) + old.size,
        manifests: 1,
        lastUsedAt: now - hour,
        createdAt: now - hour,
        complete: true,
        pinnedBy: null,
      },
      expect.objectContaining({
        image: 'ghcr.io/owner/app:1',
        repository: 'ghcr.io/owner/app',
        upstream: 'ghcr.io',
        pinnedBy: 'ghcr.io/**',
      }),
    ]);
  });

  it('names what has no tag by its digest, and says that something of it is missing', async () => {
    await using fixture = await CareFixture.open();
    await fixture.holdBlob(old.config);
    await fixture.holdManifest(old, 'library/node');
    const [listed] = await Array.fromAsync(fixture.caretaker.images());
    expect(listed).toMatchObject({ image: `library/node@${old.digest}`, tag: null, complete: false });
  });

  it('is as long as there are images', async () => {
    await using fixture = await CareFixture.open();
    await fixture.hold(old, 'library/node', ...Array.from({ length: 450 }, (_, index) => `v${index}`));
    expect(await images(fixture)).toHaveLength(450);
  });

  it.each([
    ['node', ['library/node:20']],
    ['node:20', ['library/node:20']],
    ['node:21', []],
    ['docker.io/library/node', ['library/node:20']],
    ['ghcr.io/*', ['ghcr.io/owner/app:1']],
    [`ghcr.io/owner/app@${young.digest}`, ['ghcr.io/owner/app:1']],
  ])('of those that %s means', async (matching, listed) => {
    await using fixture = await holding();
    expect(await images(fixture, matching)).toEqual(listed);
  });

  it('is refused for what is no pattern', async () => {
    await using fixture = await holding();
    await expect(images(fixture, '[')).rejects.toMatchObject({ name: 'CareError', kind: 'invalid' });
  });
});

describe('what repositories take up', () => {
  it('tells bytes that are theirs alone from those they share, and counts each byte once in the total', async () => {
    await using fixture = await CareFixture.open();
    await fixture.hold(old, 'library/one');
    await fixture.hold(shared, 'library/two');
    const layer = 5000;
    const usage: UsageListing[] = await Array.fromAsync(fixture.caretaker.usage());
    expect(usage).toEqual([
      {
        repository: 'library/one',
        upstream: 'docker.io',
        tags: 1,
        manifests: 1,
        bytes: sizeOf(old),
        uniqueBytes: sizeOf(old) - layer,
        sharedBytes: layer,
      },
      expect.objectContaining({
        repository: 'library/two',
        uniqueBytes: sizeOf(shared) - layer,
        sharedBytes: layer,
      }),
      {
        repository: null,
        upstream: null,
        tags: 2,
        manifests: 2,
        bytes: sizeOf(old) + sizeOf(shared) - layer,
        uniqueBytes: sizeOf(old) + sizeOf(shared) - 2 * layer,
        sharedBytes: layer,
      },
    ]);
  });
});
