import { beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import { FakeMirror } from '../../support/fake-mirror.ts';
import { logLines } from '../../support/log-lines.ts';
import { TestClock } from '../../support/test-clock.ts';

const subject = digestOf(Buffer.from('subject'));
const signature = {
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(Buffer.from('signature')),
  size: 700,
  artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json',
  annotations: { by: 'alice' },
};
const sbom = {
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(Buffer.from('sbom')),
  size: 800,
  artifactType: 'application/spdx+json',
  annotations: undefined,
};

let mirror: FakeMirror;
let app: ReturnType<typeof createHttpApp>;

beforeEach(() => {
  mirror = new FakeMirror();
  mirror.putReferrers('box', subject, [signature, sbom]);
  app = createHttpApp({ mirror, logger: logLines().logger, clock: new TestClock() });
});

async function get(path: string, method = 'GET'): Promise<Response> {
  return await app.request(path, { method });
}

describe('referrers', () => {
  test('come as an OCI index', async () => {
    const response = await get(`/v2/box/referrers/${subject}`);
    expect([response.status, response.headers.get('content-type')]).toStrictEqual([200, mediaTypes.ociIndex]);
    expect(response.headers.get('oci-filters-applied')).toBeNull();
    const { annotations: _none, ...plainSbom } = sbom;
    expect(await response.json()).toStrictEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [signature, plainSbom],
    });
  });

  test('of what has none are an empty index', async () => {
    const response = await get(`/v2/box/referrers/${sbom.digest}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ manifests: [] });
  });

  test('of one type are listed alone, and the answer says that it was filtered', async () => {
    const response = await get(`/v2/box/referrers/${subject}?artifactType=application/spdx%2Bjson`);
    expect(response.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(await response.json()).toMatchObject({ manifests: [{ digest: sbom.digest }] });
  });

  test('with an empty filter are all', async () => {
    const response = await get(`/v2/box/referrers/${subject}?artifactType=`);
    expect(response.headers.get('oci-filters-applied')).toBeNull();
    expect(await response.json()).toMatchObject({ manifests: [{}, {}] });
  });

  test('by HEAD have the headers of GET and no body', async () => {
    const whole = await get(`/v2/box/referrers/${subject}`);
    const head = await get(`/v2/box/referrers/${subject}`, 'HEAD');
    expect([head.status, await head.text()]).toStrictEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(String((await whole.arrayBuffer()).byteLength));
  });

  test('say where they come from', async () => {
    mirror.result = 'stale';
    mirror.warning = 'upstream is down';
    const response = await get(`/v2/box/referrers/${subject}?ns=ghcr.io`);
    expect(response.headers.get('cache-status')).toBe('entrepot; hit; detail=stale');
    expect(response.headers.get('warning')).toBe('110 entrepot "Response is Stale: upstream is down"');
    expect(response.headers.get('oci-namespace')).toBe('ghcr.io');
  });

  test.each(['latest', 'sha256:abc', 'md5:d41d8cd98f00b204e9800998ecf8427e'])(
    'of %s are refused',
    async (digest) => {
      const response = await get(`/v2/box/referrers/${digest}`);
      expect(response.status).toBe(400);
      expect(await response.text()).toContain('DIGEST_INVALID');
      expect(mirror.calls).toStrictEqual([]);
    },
  );
});
