import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeImage } from '../../support/image.ts';
import { byTag, MirrorFixture, target } from '../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const latest = byTag('latest');
const first = makeImage({ seed: 1 });

function unavailable(): never {
  throw new UpstreamError('unavailable', 'upstream refused the connection');
}
describe('a one-word name', () => {
  it('means library/ on Docker Hub', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');

    await fixture.mirror.manifest(target('hello'), latest, 'GET');

    expect(fixture.upstream.requests[0]).toBe('HEAD library/hello latest');
  });

  it('is tried as given elsewhere, then under library/, and the finding is remembered', async () => {
    await using fixture = await MirrorFixture.open({ upstream: new ScriptedUpstream('registry.example') });
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');

    await fixture.mirror.manifest(target('hello'), latest, 'GET');
    await fixture.mirror.manifest(target('hello'), { digest: first.digest }, 'GET');
    await fixture.restart();
    fixture.upstream.before = unavailable;
    const offline = await fixture.mirror.manifest(target('hello'), latest, 'GET');

    expect(fixture.upstream.requests.slice(0, 3)).toEqual([
      'HEAD hello latest',
      'HEAD library/hello latest',
      `GET library/hello ${first.digest}`,
    ]);
    expect(offline.bytes).toEqual(first.bytes);
  });
});

describe('a namespace', () => {
  it('that is not mirrored here is refused without asking anybody', async () => {
    await using fixture = await MirrorFixture.open();

    const foreign = Promise.resolve().then(() =>
      fixture.mirror.manifest(target('owner/app', 'ghcr.io'), latest, 'GET'),
    );

    await expect(foreign).rejects.toMatchObject({ code: 'NAME_UNKNOWN', status: 404 });
    expect(fixture.upstream.requests).toEqual([]);
  });
});
