import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ManifestReference } from '../../../src/oci/reference.ts';
import type { PullTarget, Validity } from '../../../src/mirror/mirror.ts';
import { makeImage } from '../../support/image.ts';
import {
  byTag,
  fromWebPage,
  MirrorFixture,
  readAll,
  somebody,
  target,
} from '../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const image = makeImage();
const other = makeImage({ seed: 2 });
const hello = target('library/hello');
const latest = byTag('latest');
const byDigest: ManifestReference = { digest: image.digest };
const { config } = image;

let fixture: MirrorFixture;

beforeEach(async () => {
  fixture = await MirrorFixture.open({ inMemory: true });
  fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
  fixture.upstream.addManifest('library/hello', other.bytes, 'other');
  fixture.upstream.addBlob('library/hello', config.bytes);
});

afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** Pulls an image and its configuration, so that both are held. */
async function pull(asked: PullTarget = hello): Promise<void> {
  await fixture.mirror.manifest(asked, latest, 'GET');
  await readAll(await fixture.mirror.openBlob(asked, config.digest));
  await fixture.settled();
  await fixture.mirror.statBlob(asked, config.digest);
}

interface Validities {
  readonly tag: Validity | undefined;
  readonly manifest: Validity | undefined;
  readonly blob: Validity | undefined;
}

function validities(asked: PullTarget = hello): Validities {
  return {
    tag: fixture.mirror.manifestValidity(asked, latest, 'GET', image.digest),
    manifest: fixture.mirror.manifestValidity(asked, byDigest, 'GET', image.digest),
    blob: fixture.mirror.blobValidity(asked, config.digest),
  };
}

/** Which of them hold. */
function holding({ tag, manifest, blob }: Validities): Readonly<Record<string, boolean | undefined>> {
  return { tag: tag?.holds(), manifest: manifest?.holds(), blob: blob?.holds() };
}

const all = { tag: true, manifest: true, blob: true };
const none = { tag: undefined, manifest: undefined, blob: undefined };

/** When the image was used last, in milliseconds since the epoch. */
async function lastUse(): Promise<number> {
  for await (const gone of fixture.space.evictor.prune({ toBytes: 0, dryRun: true })) {
    if (gone.digest === image.digest) return gone.lastUsedAt;
  }
  throw new Error('the image is not held');
}

describe('what is held', () => {
  test('stands as long as nothing changes', async () => {
    await pull();
    const validity = validities();
    await fixture.clock.advance(59_999);
    expect(holding(validity)).toEqual(all);
  });

  test('is not known to stand before it was pulled', () => {
    expect(validities()).toEqual(none);
  });

  test('asks nobody, whatever becomes of it', async () => {
    await pull();
    const validity = validities();
    const before = fixture.upstream.requests.length;
    await fixture.clock.advance(600_000);
    holding(validity);
    expect(fixture.upstream.requests.length).toBe(before);
  });

  test('by tag stands until upstream is due to be asked again', async () => {
    await pull();
    const validity = validities();
    await fixture.clock.advance(60_000);
    expect(holding(validity)).toEqual({ ...all, tag: false });
    await fixture.mirror.manifest(hello, latest, 'GET');
    expect(holding(validity)).toEqual({ ...all, tag: false });
    expect(holding(validities())).toEqual(all);
  });

  test('by tag does not stand when the tag has moved, nor when it has moved back', async () => {
    await pull();
    const validity = validities();
    for (const { digest } of [other, image]) {
      fixture.upstream.moveTag('library/hello', 'latest', digest);
      await fixture.clock.advance(60_000);
      await fixture.mirror.manifest(hello, latest, 'GET');
      expect(holding(validity)).toEqual({ ...all, tag: false });
    }
  });

  test('by tag does not stand when the clock was set back', async () => {
    await pull();
    const validity = validities();
    fixture.clock.set(-1);
    expect(holding(validity)).toEqual({ ...all, tag: false });
  });

  test('ends when it is removed, at once and for good', async () => {
    await pull();
    const validity = validities();
    await fixture.mirror.remove({ ...hello, reader: somebody('alice') }, byDigest);
    expect(holding(validity)).toEqual({ tag: false, manifest: false, blob: false });
    const { tag, manifest } = validities();
    expect([tag, manifest]).toEqual([undefined, undefined]);
    await pull();
    expect(holding(validity)).toEqual({ tag: false, manifest: false, blob: false });
    expect(holding(validities())).toEqual(all);
  });

  test('by tag ends when only the tag is removed', async () => {
    await pull();
    const validity = validities();
    await fixture.mirror.remove({ ...hello, reader: somebody('alice') }, latest);
    expect(validity.tag?.holds()).toBe(false);
  });

  test('ends when it is evicted', async () => {
    await pull();
    const validity = validities();
    await Array.fromAsync(fixture.space.evictor.prune({ toBytes: 0, dryRun: false }));
    expect(holding(validity)).toEqual({ tag: false, manifest: false, blob: false });
  });

  test('ends for a blob when its bytes are put aside', async () => {
    await pull();
    const validity = validities();
    await fixture.content.quarantine(config.digest);
    expect(holding(validity)).toEqual({ ...all, blob: false });
  });

  test('counts as used when it is given again', async () => {
    await pull();
    const { manifest } = validities();
    await fixture.clock.advance(5000);
    manifest?.used();
    expect(await lastUse()).toBe(fixture.clock.now());
  });

  test('is not known to stand for web pages', async () => {
    await pull();
    expect(validities(fromWebPage(hello))).toEqual(none);
  });
});

describe('a name of one word that may mean two repositories', () => {
  test('stands once it is known which it means', async () => {
    await using corp = await MirrorFixture.open({
      upstream: new ScriptedUpstream('registry.corp'),
      inMemory: true,
    });
    corp.upstream.addManifest('library/app', image.bytes, 'latest');
    const app = target('app');
    expect(corp.mirror.manifestValidity(app, latest, 'GET', image.digest)).toBeUndefined();
    await corp.mirror.manifest(app, latest, 'GET');
    expect(corp.mirror.manifestValidity(app, latest, 'GET', image.digest)?.holds()).toBe(true);
  });

  test('stands no more when it means the other', async () => {
    await using corp = await MirrorFixture.open({
      upstream: new ScriptedUpstream('registry.corp'),
      inMemory: true,
    });
    corp.upstream.addManifest('library/app', image.bytes, 'latest');
    const app = target('app');
    await corp.mirror.manifest(app, latest, 'GET');
    const validity = corp.mirror.manifestValidity(app, latest, 'GET', image.digest);
    corp.upstream.addManifest('app', other.bytes, 'new');
    await corp.mirror.manifest(app, byTag('new'), 'GET');
    expect(validity?.holds()).toBe(false);
  });
});

describe('what is private upstream', () => {
  const open = target('team/open');
  const secret = target('team/secret');

  test('stands only as long as memory has it that everybody may read it, and blobs never', async () => {
    const registry = new ScriptedUpstream('registry.corp').guard('team/open');
    await using corp = await MirrorFixture.open({ upstream: registry, inMemory: true });
    registry.addManifest('team/open', image.bytes, 'latest');
    registry.addManifest('team/secret', image.bytes, 'latest');
    registry.addBlob('team/open', config.bytes);
    await corp.mirror.manifest(open, byDigest, 'GET');
    await readAll(await corp.mirror.openBlob(open, config.digest));
    const validity = corp.mirror.manifestValidity(open, byDigest, 'GET', image.digest);
    expect(validity?.holds()).toBe(true);
    expect(corp.mirror.blobValidity(open, config.digest)).toBeUndefined();

    await corp.mirror.manifest({ ...secret, reader: { ...secret.reader, user: 'alice' } }, byDigest, 'GET');
    expect(corp.mirror.manifestValidity(secret, byDigest, 'GET', image.digest)?.holds()).toBe(false);

    await corp.clock.advance(10 * 60_000);
    expect(validity?.holds()).toBe(false);
  });
});
