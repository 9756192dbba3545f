import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeImage } from '../../support/image.ts';
import { byTag, MirrorHouse, target } from '../../support/mirror-house.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const latest = byTag('latest');
const first = makeImage({ seed: 1 });

function unavailable(): never {
  throw new UpstreamError('unavailable', 'upstream refused the connection');
}
describe('a one-word name', () => {
  it('means library/ on Docker Hub', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', first.bytes, 'latest');

    await house.mirror.manifest(target('hello'), latest, 'GET');

    expect(house.upstream.requests[0]).toBe('HEAD library/hello latest');
  });

  it('is tried as given elsewhere, then under library/, and the finding is remembered', async () => {
    await using house = await MirrorHouse.open({ upstream: new ScriptedUpstream('registry.example') });
    house.upstream.addManifest('library/hello', first.bytes, 'latest');

    await house.mirror.manifest(target('hello'), latest, 'GET');
    await house.mirror.manifest(target('hello'), { digest: first.digest }, 'GET');
    await house.restart();
    house.upstream.before = unavailable;
    const offline = await house.mirror.manifest(target('hello'), latest, 'GET');

    expect(house.upstream.requests.slice(0, 3)).toEqual([
      'HEAD hello latest',
      'HEAD library/hello latest',
      `GET library/hello ${first.digest}`,
    ]);
    expect(offline.bytes).toEqual(first.bytes);
  });
});

describe('a namespace', () => {
  it('that is not mirrored here is refused without asking anybody', async () => {
    await using house = await MirrorHouse.open();

    const foreign = Promise.resolve().then(() =>
      house.mirror.manifest(target('owner/app', 'ghcr.io'), latest, 'GET'),
    );

    await expect(foreign).rejects.toMatchObject({ code: 'NAME_UNKNOWN', status: 404 });
    expect(house.upstream.requests).toEqual([]);
  });
});
