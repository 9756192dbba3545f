import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import { makeImage } from '../../support/image.ts';
import { MirrorHouse, target } from '../../support/mirror-house.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const hello = target('library/hello');
const first = makeImage({ seed: 1 });
const second = makeImage({ seed: 2 });

describe('a manifest by digest', () => {
  it('is never asked for again', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', first.bytes);
    await house.mirror.manifest(hello, { digest: first.digest }, 'GET');
    await house.restart();
    await house.clock.advance(10 ** 9);

    const again = await house.mirror.manifest(hello, { digest: first.digest }, 'GET');

    expect(again).toMatchObject({ result: 'hit', bytes: first.bytes });
    expect(house.upstream.requests).toEqual([`GET library/hello ${first.digest}`]);
  });

  it('whose bytes are not what the digest says is refused, and nothing is kept', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', first.bytes);
    const honest = house.upstream.getManifest.bind(house.upstream);
    house.upstream.getManifest = async (...request) => ({
      ...(await honest(...request)),
      bytes: second.bytes,
    });
    await expect(house.mirror.manifest(hello, { digest: first.digest }, 'GET')).rejects.toMatchObject({
      status: 502,
    });

    house.upstream.getManifest = honest;
    const clean = await house.mirror.manifest(hello, { digest: first.digest }, 'GET');

    expect(clean.bytes).toEqual(first.bytes);
  });

  it("held for one repository is not another repository's to read", async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', first.bytes);
    await house.mirror.manifest(hello, { digest: first.digest }, 'GET');

    const stranger = house.mirror.manifest(target('someone/else'), { digest: first.digest }, 'GET');

    await expect(stranger).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });
});

describe('a manifest that another repository holds', () => {
  it('has the type that its bytes have, whatever the other repository’s registry called it', async () => {
    const stranger = new ScriptedUpstream('evil.example');
    await using house = await MirrorHouse.open({ others: [stranger] });
    for (const upstream of [house.upstream, stranger]) upstream.addManifest('library/hello', first.bytes);
    const honest = stranger.getManifest.bind(stranger);
    stranger.getManifest = async (...request) => ({
      ...(await honest(...request)),
      mediaType: mediaTypes.ociIndex,
    });
    await house.mirror.manifest(target('library/hello', 'evil.example'), { digest: first.digest }, 'GET');

    for (const _ of ['before a restart', 'after it']) {
      const { descriptor } = await house.mirror.manifest(hello, { digest: first.digest }, 'GET');
      expect(descriptor.mediaType).toBe(mediaTypes.dockerManifest);
      await house.restart();
    }
  });

  it('is confirmed by a HEAD and spends no pull', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', first.bytes);
    house.upstream.addManifest('someone/copy', first.bytes);
    await house.mirror.manifest(hello, { digest: first.digest }, 'GET');
    house.upstream.requests.length = 0;

    const copy = await house.mirror.manifest(target('someone/copy'), { digest: first.digest }, 'GET');

    expect(copy.bytes).toEqual(first.bytes);
    expect(house.upstream.requests).toEqual([`HEAD someone/copy ${first.digest}`]);
  });
});
