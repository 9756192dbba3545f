import { describe, expect, it } from 'vitest';
import type { ManifestReference } from '../../../../src/oci/reference.ts';
import { makeArtifact } from '../../../support/artifact.ts';
import { content, descriptor, makeImage, type Content } from '../../../support/image.ts';
import { byTag, MirrorFixture, somebody, target } from '../../../support/mirror-fixture.ts';
import { mediaTypes } from '../../../../src/oci/media-type.ts';

function indexOf(...manifests: readonly Content[]): Content {
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: manifests.map(descriptor) };
  return content(Buffer.from(JSON.stringify(index)), mediaTypes.ociIndex);
}

const image = makeImage({ seed: 1 });
const other = makeImage({ seed: 2 });
const inner = indexOf(image);
const outer = indexOf(inner, other);
const signature = makeArtifact({ text: 'signature', subject: other });
const attached = makeArtifact({ text: 'attached' });
const attachedTag = `${image.digest.replace(':', '-')}.sig`;
const all = [outer, inner, image, other, signature, attached];

/**
 * A mirror that holds all of `app:latest`: an index of an index and of an image, with a signature for each
 * image.
 */
async function open(...pins: readonly string[]): Promise<MirrorFixture> {
  const fixture = await MirrorFixture.open({ space: { pins } });
  for (const { bytes } of all) fixture.upstream.addManifest('library/app', bytes);
  fixture.upstream.moveTag('library/app', 'latest', outer.digest);
  fixture.upstream.moveTag('library/app', 'edge', outer.digest);
  fixture.upstream.moveTag('library/app', attachedTag, attached.digest);
  for (const { digest } of all) await fixture.mirror.manifest(target('library/app'), { digest }, 'GET');
  for (const tag of ['latest', attachedTag])
    await fixture.mirror.manifest(target('library/app'), byTag(tag), 'GET');
  return fixture;
}

async function held(fixture: MirrorFixture): Promise<readonly Content[]> {
  const repository = { upstream: fixture.upstream.name, name: target('library/app').name };
  const found = await Promise.all(all.map(({ digest }) => fixture.metadata.manifest(repository, digest)));
  return all.filter((_, index) => found[index] !== undefined);
}

function remove(fixture: MirrorFixture, reference: ManifestReference): Promise<unknown> {
  return fixture.mirror.remove({ ...target('library/app'), reader: somebody('alice') }, reference);
}

describe('a pinned image', () => {
  it.each<[what: string, reference: ManifestReference]>([
    ['itself, by its digest', { digest: outer.digest }],
    ['an index in it', { digest: inner.digest }],
    ['an image in an index in it', { digest: image.digest }],
    ['the signature of an image in it', { digest: signature.digest }],
    ['a signature that only its tag makes one', byTag(attachedTag)],
  ])('keeps %s', async (_, reference) => {
    await using fixture = await open('app:latest');
    await expect(remove(fixture, reference)).rejects.toMatchObject({ status: 403 });
    expect(await held(fixture)).toEqual(all);
  });

  it('pinned by its digest, is not removed with what it is a part of', async () => {
    await using fixture = await open(`app@${other.digest}`);
    for (const reference of [byTag('latest'), { digest: outer.digest }]) {
      await expect(remove(fixture, reference)).rejects.toMatchObject({ status: 403 });
    }
    expect(await held(fixture)).toEqual(all);
    await remove(fixture, { digest: inner.digest });
    expect(await held(fixture)).toEqual([outer, other, signature]);
  });

  it('can lose another tag', async () => {
    await using fixture = await open('app:latest');
    await fixture.mirror.manifest(target('library/app'), byTag('edge'), 'GET');
    await expect(remove(fixture, byTag('edge'))).resolves.toMatchObject({ tags: ['edge'], manifests: 0 });
    expect(await held(fixture)).toEqual(all);
  });
});
