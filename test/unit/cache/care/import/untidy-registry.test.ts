import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeImage } from '../../../../support/image.ts';
import { fixtureWithAnImage, skippedBy } from '../../../../support/import-fixture.ts';

const image = makeImage({ layers: 1 });
const other = makeImage({ layers: 1, seed: 2 });

describe('an import goes on, and says so, when it finds', () => {
  it.each([
    [
      'a tag whose link is garbage',
      'tags/bad/current/link',
      '../../../etc/passwd',
      ':bad has a link that is no digest',
    ],
    ['a tag whose link is empty', 'tags/bad/current/link', '', ':bad has a link that is no digest'],
    ['a tag whose link is huge', 'tags/bad/current/link', 'x'.repeat(4096), ':bad is larger than 200 bytes'],
    ['a tag without a link', 'tags/bad/current/nothing', '', ':bad points to nothing'],
    ['a tag of no name', 'tags/-bad/current/link', image.digest, ':-bad is no tag'],
    [
      'a tag of a manifest that was deleted',
      'tags/bad/current/link',
      image.digest,
      ':bad points to a manifest that was deleted',
    ],
    ['a manifest of no digest', 'revisions/sha256/abc/link', '', '@sha256:abc is no digest'],
    [
      'a name that a terminal would obey',
      'tags/a\u001b[2J/current/link',
      image.digest,
      ':"a\\u001b[2J" is no tag',
    ],
  ])('%s', async (_, path, link, expected) => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.write(`repositories/library/app/_manifests/${path}`, link);

    expect(await skippedBy(fixture)).toEqual([`library/app${expected}`]);
  });

  it.each([
    ['to something else', other.digest, 'has a link to something else'],
    ['that is garbage', '../../../mirror', 'has a link that is no digest'],
  ])('a manifest with a link %s', async (_, link, reason) => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.putManifest('library/app', undefined, image);
    const hex = image.digest.slice('sha256:'.length);
    await fixture.registry.write(`repositories/library/app/_manifests/revisions/sha256/${hex}/link`, link);

    expect(await skippedBy(fixture)).toEqual([`library/app@${image.digest} ${reason}`]);
  });

  it('a manifest that was deleted', async () => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.putManifest('library/app', undefined, image);
    const hex = image.digest.slice('sha256:'.length);
    await rm(fixture.registry.path(`repositories/library/app/_manifests/revisions/sha256/${hex}/link`));

    expect(await skippedBy(fixture)).toEqual([`library/app@${image.digest} was deleted`]);
  });

  it('symbolic links among repositories and tags', async () => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.putManifest('hidden/app', '1', image);
    await rename(fixture.registry.path('repositories/hidden'), fixture.path('hidden'));
    await symlink(fixture.path('hidden'), fixture.registry.path('repositories/linked'));
    await symlink(fixture.registry.root, fixture.registry.path('repositories/library/loop'));
    const tags = fixture.registry.path('repositories/library/app/_manifests/tags');
    await mkdir(join(tags, 'bad'));
    await symlink(join(tags, 'good', 'current'), join(tags, 'bad', 'current'));

    const skipped = await skippedBy(fixture);

    expect(skipped).toEqual([
      'library/app:bad is reached by a symbolic link, which is not followed',
      'library/loop is a symbolic link, which is not followed',
      'linked is a symbolic link, which is not followed',
    ]);
  });

  it('an upload that has not ended', async () => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.write('repositories/library/app/_uploads/4711/data', 'half a layer');

    expect(await skippedBy(fixture)).toEqual(['library/app/_uploads/4711 is an upload that has not ended']);
  });

  it('names that no repository has', async () => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.putManifest('Library/App', '1', image);
    await fixture.registry.write('repositories/library/app/file', '');

    expect(await skippedBy(fixture)).toEqual([
      'Library is no name of a repository',
      'library/app/file is no folder',
    ]);
  });

  it('names that Docker Hub cannot have, unless it is another registry', async () => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.putManifest('app', '1', image);

    expect(await skippedBy(fixture)).toEqual([
      'app is no name on Docker Hub, where official images are in library/',
    ]);
    expect(await skippedBy(fixture, {}, 'ghcr.io')).toEqual([]);
    expect(await fixture.digestOfTag('app', '1', 'ghcr.io')).toBe(image.digest);
  });
});
