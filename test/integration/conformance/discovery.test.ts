import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { descriptor } from '../../support/image.ts';
import {
  image,
  json,
  judge,
  ociImage,
  referringIndex,
  refusal,
  repository,
  sbom,
  signature,
  situations,
  type Subject,
  tags,
  unknownDigest,
} from './subject.ts';

// The rules of https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-discovery.

const listPath = `/v2/${repository}/tags/list`;
const referrersPath = (digest: string) => `/v2/${repository}/referrers/${digest}`;
const listed = {
  sbom: {
    ...descriptor(sbom),
    artifactType: 'application/vnd.example.sbom.v1',
    annotations: {
      'org.example.sbom.format': 'json',
      'org.opencontainers.image.created': '2030-01-01T00:00:00Z',
    },
  },
  signature: { ...descriptor(signature), artifactType: 'application/vnd.example.signature.v1' },
  index: { ...descriptor(referringIndex), annotations: { 'org.example': 'index' } },
};

let subject: Subject;

function nextPage(link: string | undefined): string {
  const [, path] = /^<([^>]+)>; rel="next"$/.exec(link ?? '') ?? [];
  if (path === undefined) throw new Error(`no link to a next page: ${link ?? 'none'}`);
  return path;
}

describe.each(situations)('%s content', (situation) => {
  judge(situation, (started) => {
    subject = started;
  });

  test('end-8a: the list of a repository that is found MUST be 200 and JSON of its name and tags', async () => {
    const answer = await subject.get(listPath);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(json(answer)).toEqual({ name: repository, tags: expect.any(Array) as unknown });
  });

  test('end-8a: the tags MUST be in lexical order', async () => {
    expect(json(await subject.get(listPath))).toEqual({ name: repository, tags });
  });

  test('end-8b: n MUST give that many tags from the beginning, and a Link to more MUST be rel="next"', async () => {
    const answer = await subject.get(`${listPath}?n=3`);
    expect(json(answer)).toEqual({ name: repository, tags: tags.slice(0, 3) });
    expect(nextPage(answer.headers['link'])).toContain(listPath);
  });

  test('end-8b: following Link gives every tag once, in order, and ends', async () => {
    const seen: string[] = [];
    let path: string | undefined = `${listPath}?n=2`;
    while (path !== undefined && seen.length <= tags.length) {
      const answer = await subject.get(path);
      seen.push(...(json(answer) as { readonly tags: readonly string[] }).tags);
      path = answer.headers['link'] === undefined ? undefined : nextPage(answer.headers['link']);
    }
    expect(seen).toEqual(tags);
  });

  test.each([tags.length, tags.length + 1, 1_000_000])(
    'end-8b: fewer than n are returned only when there are no more (n=%i)',
    async (n) => {
      const answer = await subject.get(`${listPath}?n=${n}`);
      expect(json(answer)).toEqual({ name: repository, tags });
      expect(answer.headers['link']).toBeUndefined();
    },
  );

  test('end-8b: n=0 MUST be an empty list and MUST NOT have a Link', async () => {
    const answer = await subject.get(`${listPath}?n=0`);
    expect(answer.status).toBe(200);
    expect(json(answer)).toEqual({ name: repository, tags: [] });
    expect(answer.headers['link']).toBeUndefined();
  });

  test('end-8b: last MUST be a tag, which the list starts after, itself excluded', async () => {
    expect(json(await subject.get(`${listPath}?n=2&last=1.10`))).toEqual({
      name: repository,
      tags: ['1.9', 'Zeta'],
    });
    // A number is a tag like any other, and no index.
    expect(json(await subject.get(`${listPath}?n=1&last=1`))).toEqual({ name: repository, tags: ['1.0'] });
    expect(json(await subject.get(`${listPath}?n=5&last=oci`))).toEqual({ name: repository, tags: [] });
  });

  test('end-8b: n is OPTIONAL with last', async () => {
    expect(json(await subject.get(`${listPath}?last=latest`))).toEqual({
      name: repository,
      tags: ['multi', 'oci'],
    });
  });

  test('end-12a: MUST be 200 with an image index, and MUST say so in Content-Type', async () => {
    const answer = await subject.get(referrersPath(ociImage.digest));
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/vnd.oci.image.index.v1+json');
    expect(json(answer)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: expect.any(Array) as unknown,
    });
  });

  test(
    'end-12a: descriptors MUST have the artifactType (of the config, where an image manifest states none; none for an index) ' +
      'and the annotations of their manifests',
    async () => {
      const answer = await subject.get(referrersPath(ociImage.digest));
      const { manifests } = json(answer) as { readonly manifests: readonly unknown[] };
      expect(manifests).toHaveLength(3);
      // The spec leaves the order open.
      expect(new Set(manifests)).toEqual(new Set([listed.sbom, listed.signature, listed.index]));
    },
  );

  test('end-12a: no matching referrers MUST be an empty list', async () => {
    for (const digest of [image.digest, sbom.digest]) {
      const answer = await subject.get(referrersPath(digest));
      expect(answer.status).toBe(200);
      expect(json(answer)).toMatchObject({ manifests: [] });
    }
  });

  test('end-12a: what is listed is there to be pulled', async () => {
    for (const { digest, bytes } of [sbom, signature, referringIndex]) {
      const answer = await subject.get(`/v2/${repository}/manifests/${digest}`);
      expect([answer.status, answer.bytes.equals(bytes)]).toEqual([200, true]);
    }
  });

  test('end-12b: artifactType SHOULD filter, and MUST then be told in OCI-Filters-Applied', async () => {
    const path = referrersPath(ociImage.digest);
    const sboms = await subject.get(`${path}?artifactType=application/vnd.example.sbom.v1`);
    expect(json(sboms)).toMatchObject({ manifests: [listed.sbom] });
    expect(sboms.headers['oci-filters-applied']).toBe('artifactType');

    const encoded = await subject.get(`${path}?artifactType=application%2Fvnd.example.signature.v1`);
    expect(json(encoded)).toMatchObject({ manifests: [listed.signature] });

    const none = await subject.get(`${path}?artifactType=application/vnd.example`);
    expect([none.status, none.headers['oci-filters-applied']]).toEqual([200, 'artifactType']);
    expect(json(none)).toMatchObject({ manifests: [] });
  });

  test('end-12b: no filter is told where none was applied', async () => {
    const answer = await subject.get(referrersPath(ociImage.digest));
    expect(answer.headers['oci-filters-applied']).toBeUndefined();
  });
});

describe('what is not there', () => {
  judge('cold', (started) => {
    subject = started;
  });

  test('end-8a: a repository that is not found is 404', async () => {
    subject.hub.fault({ on: 'tags', kind: 'status', status: 404, code: 'NAME_UNKNOWN' });
    expect(refusal(await subject.get('/v2/no/such/tags/list'))).toBe('404 NAME_UNKNOWN');
  });

  test.each(['-1', 'x', '1.5', ''])('end-8b: an n that is no number of tags is refused (%s)', async (n) => {
    expect(refusal(await subject.get(`${listPath}?n=${n}`))).toBe('400 PAGINATION_NUMBER_INVALID');
  });

  test('end-12a: a registry with the API MUST NOT answer 404, not even for a manifest that it does not have', async () => {
    const answer = await subject.get(referrersPath(unknownDigest));
    expect(answer.status).toBe(200);
    expect(json(answer)).toMatchObject({ manifests: [] });
  });

  test.each(['latest', 'sha256:abc', `md5:${'0'.repeat(32)}`])(
    'end-12a: a digest that is none MUST be 400 (%s)',
    async (digest) => {
      expect(refusal(await subject.get(referrersPath(digest)))).toBe('400 DIGEST_INVALID');
    },
  );

  test('end-12a: HEAD has no body', async () => {
    const answer = await subject.head(referrersPath(ociImage.digest));
    expect([answer.status, answer.bytes.length]).toEqual([200, 0]);
    expect(answer.headers['content-type']).toBe('application/vnd.oci.image.index.v1+json');
  });

  test('end-12a: trouble upstream is told as such, and is no empty list', async () => {
    subject.hub.fault({ on: 'referrers', kind: 'status', status: 503 });
    const answer = await subject.get(referrersPath(digestOf(Buffer.from('of this nobody has asked'))));
    expect(answer.status).toBe(503);
  });
});
