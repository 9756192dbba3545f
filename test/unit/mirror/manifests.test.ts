import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import { makeImage } from '../../support/image.ts';
import { MirrorFixture, target } from '../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const hello = target('library/hello');
const first = makeImage({ seed: 1 });
const second = makeImage({ seed: 2 });

describe('a manifest by digest', () => {
  it('is never asked for again', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes);
    await fixture.mirror.manifest(hello, { digest: first.digest }, 'GET');
    await fixture.restart();
    await fixture.clock.advance(10 ** 9);

    const again = await fixture.mirror.manifest(hello, { digest: first.digest }, 'GET');

    expect(again).toMatchObject({ result: 'hit', bytes: first.bytes });
    expect(fixture.upstream.requests).toEqual([`GET library/hello ${first.digest}`]);
  });

  it('whose bytes are not what the digest says is refused, and nothing is kept', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes);
    const honest = fixture.upstream.getManifest.bind(fixture.upstream);
    fixture.upstream.getManifest = async (...request) => ({
      ...(await honest(...request)),
      bytes: second.bytes,
    });
    await expect(fixture.mirror.manifest(hello, { digest: first.digest }, 'GET')).rejects.toMatchObject({
      status: 502,
    });

    fixture.upstream.getManifest = honest;
    const clean = await fixture.mirror.manifest(hello, { digest: first.digest }, 'GET');

    expect(clean.bytes).toEqual(first.bytes);
  });

  it("held for one repository is not another repository's to read", async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes);
    await fixture.mirror.manifest(hello, { digest: first.digest }, 'GET');

    const stranger = fixture.mirror.manifest(target('someone/else'), { digest: first.digest }, 'GET');

    await expect(stranger).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });
});

describe('a manifest that another repository holds', () => {
  it('has the type that its bytes have, whatever the other repository’s registry called it', async () => {
    const stranger = new ScriptedUpstream('evil.example');
    await using fixture = await MirrorFixture.open({ others: [stranger] });
    for (const upstream of [fixture.upstream, stranger]) upstream.addManifest('library/hello', first.bytes);
    const honest = stranger.getManifest.bind(stranger);
    stranger.getManifest = async (...request) => ({
      ...(await honest(...request)),
      mediaType: mediaTypes.ociIndex,
    });
    await fixture.mirror.manifest(target('library/hello', 'evil.example'), { digest: first.digest }, 'GET');

    for (const _ of ['before a restart', 'after it']) {
      const { descriptor } = await fixture.mirror.manifest(hello, { digest: first.digest }, 'GET');
      expect(descriptor.mediaType).toBe(mediaTypes.dockerManifest);
      await fixture.restart();
    }
  });

  it('is confirmed by a HEAD and spends no pull', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes);
    fixture.upstream.addManifest('someone/copy', first.bytes);
    await fixture.mirror.manifest(hello, { digest: first.digest }, 'GET');
    fixture.upstream.requests.length = 0;

    const copy = await fixture.mirror.manifest(target('someone/copy'), { digest: first.digest }, 'GET');

    expect(copy.bytes).toEqual(first.bytes);
    expect(fixture.upstream.requests).toEqual([`HEAD someone/copy ${first.digest}`]);
  });
});
