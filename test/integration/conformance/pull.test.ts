import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import {
  image,
  index,
  json,
  judge,
  ociImage,
  refusal,
  repository,
  situations,
  type Subject,
  unknownDigest,
} from './subject.ts';

// The rules of https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull, by its own
// numbers.

const [layer = image.config] = image.layers;
const blobPath = `/v2/${repository}/blobs/${layer.digest}`;
const manifestPath = (reference: string) => `/v2/${repository}/manifests/${reference}`;
const pulled = [
  { reference: 'latest', content: image },
  { reference: image.digest, content: image },
  { reference: 'oci', content: ociImage },
  { reference: 'multi', content: index },
  { reference: index.digest, content: index },
];

let subject: Subject;

describe.each(situations)('%s content', (situation) => {
  judge(situation, (started) => {
    subject = started;
  });

  test('end-1: GET /v2/ MUST be 200 where the registry implements the spec', async () => {
    const answer = await subject.get('/v2/');
    expect(answer.status).toBe(200);
    expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0');
  });

  test.each(pulled)(
    'end-3: GET of an existing manifest MUST be 200 with the expected manifest ($reference)',
    async ({ reference, content }) => {
      const answer = await subject.get(manifestPath(reference));
      expect(answer.status).toBe(200);
      expect(answer.complete).toBe(true);
      expect(answer.bytes.equals(content.bytes)).toBe(true);
    },
  );

  test.each(pulled)(
    'end-3: its answer MUST contain the digest in Docker-Content-Digest ($reference)',
    async ({ reference, content }) => {
      const { headers, bytes } = await subject.get(manifestPath(reference));
      expect(headers['docker-content-digest']).toBe(content.digest);
      expect(digestOf(bytes)).toBe(content.digest);
    },
  );

  test.each(pulled)(
    'end-3: Content-Type SHOULD be the one it was pushed with, without parameters ($reference)',
    async ({ reference, content }) => {
      const { headers } = await subject.get(manifestPath(reference));
      expect(headers['content-type']).toBe(content.mediaType);
    },
  );

  test('end-3: a manifest comes to who accepts its type among others', async () => {
    const accept = `${mediaTypes.dockerManifest};q=0.5, ${mediaTypes.ociIndex}`;
    expect((await subject.get(manifestPath('multi'), { accept })).headers['content-type']).toBe(
      index.mediaType,
    );
  });

  test.each(pulled)(
    'end-3: HEAD of an existing manifest MUST be 200 with digest and size ($reference)',
    async ({ reference, content }) => {
      const answer = await subject.head(manifestPath(reference));
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        'docker-content-digest': content.digest,
        'content-length': String(content.size),
        'content-type': content.mediaType,
      });
      expect(answer.bytes).toHaveLength(0);
    },
  );

  test('end-2: GET of an existing blob MUST be 200 with the expected blob', async () => {
    const answer = await subject.get(blobPath);
    expect(answer.status).toBe(200);
    expect(answer.complete).toBe(true);
    expect(answer.bytes.equals(layer.bytes)).toBe(true);
  });

  test('end-2: its answer MUST contain in Docker-Content-Digest a digest of its body', async () => {
    const { headers, bytes } = await subject.get(blobPath);
    expect(headers['docker-content-digest']).toBe(digestOf(bytes));
  });

  test('end-2: HEAD of an existing blob MUST be 200 with digest and size', async () => {
    const answer = await subject.head(blobPath);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'docker-content-digest': layer.digest,
      'content-length': String(layer.size),
    });
    expect(answer.bytes).toHaveLength(0);
  });

  test.each([manifestPath('latest'), manifestPath(index.digest), blobPath])(
    'end-2, end-3: HEAD has the headers that GET has (RFC 9110, section 9.3.2): %s',
    async (path) => {
      const answers = [await subject.get(path), await subject.head(path), await subject.get(path)];
      const [first, head, get] = answers.map(({ status, headers }) => {
        const { date: _date, 'x-request-id': _id, 'cache-status': _status, ...lasting } = headers;
        return { status, headers: lasting };
      });
      expect(first?.status).toBe(200);
      expect(head).toEqual(first);
      expect(get).toEqual(first);
    },
  );

  test.each([
    { range: 'bytes=0-9', start: 0, end: 10 },
    { range: 'bytes=4000-', start: 4000, end: layer.size },
    { range: 'bytes=-7', start: layer.size - 7, end: layer.size },
    { range: `bytes=10-${layer.size + 100}`, start: 10, end: layer.size },
  ])('end-2: a registry SHOULD support Range of a blob ($range)', async ({ range, start, end }) => {
    const answer = await subject.get(blobPath, { range });
    expect(answer.status).toBe(206);
    expect(answer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/${layer.size}`);
    expect(answer.headers['content-length']).toBe(String(end - start));
    expect(answer.bytes.equals(layer.bytes.subarray(start, end))).toBe(true);
  });

  test('end-2: a range past the end is 416 with the size (RFC 9110, section 15.5.17)', async () => {
    const answer = await subject.get(blobPath, { range: `bytes=${layer.size}-` });
    expect(answer.status).toBe(416);
    expect(answer.headers['content-range']).toBe(`bytes */${layer.size}`);
  });

  test('end-2, end-3: a registry scoped by ns SHOULD return it in OCI-Namespace', async () => {
    for (const path of [manifestPath('latest'), blobPath]) {
      const answer = await subject.get(`${path}?ns=docker.io`);
      expect([answer.status, answer.headers['oci-namespace']]).toEqual([200, 'docker.io']);
    }
  });
});

describe('what is not there', () => {
  judge('cold', (started) => {
    subject = started;
  });

  test.each(['no-such-tag', unknownDigest])(
    'end-3: a manifest that is not found MUST be 404, to GET and to HEAD (%s)',
    async (reference) => {
      expect(refusal(await subject.get(manifestPath(reference)))).toBe('404 MANIFEST_UNKNOWN');
      expect((await subject.head(manifestPath(reference))).status).toBe(404);
    },
  );

  test('end-2: a blob that is not found MUST be 404, to GET and to HEAD', async () => {
    const path = `/v2/${repository}/blobs/${unknownDigest}`;
    expect(refusal(await subject.get(path))).toBe('404 BLOB_UNKNOWN');
    expect((await subject.head(path)).status).toBe(404);
  });

  test('end-3: <tag-or-digest> MUST be a tag or a digest, and at most 128 characters of a tag', async () => {
    const longest = 'a'.repeat(128);
    expect(refusal(await subject.get(manifestPath(longest)))).toBe('404 MANIFEST_UNKNOWN');
    for (const tag of [`${longest}a`, '.INVALID_MANIFEST_NAME', '-dash', 'with%20space', 'k=v']) {
      expect(refusal(await subject.get(manifestPath(tag)))).toBe('404 MANIFEST_UNKNOWN');
      expect((await subject.head(manifestPath(tag))).status).toBe(404);
    }
    for (const digest of ['sha256:abc', `sha256:${'A'.repeat(64)}`, `md5:${'0'.repeat(32)}`]) {
      expect(refusal(await subject.get(manifestPath(digest)))).toBe('400 DIGEST_INVALID');
      expect(refusal(await subject.get(`/v2/${repository}/blobs/${digest}`))).toBe('400 DIGEST_INVALID');
    }
  });

  test.each(['UPPER/case', 'a//b', '-a/b', 'a/b-', 'a/b_-c', 'a/b..c', 'a%2F..%2Fb'])(
    'end-2, end-3, end-8a, end-12a: <name> MUST match the expression of the spec (%s)',
    async (name) => {
      for (const rest of [
        'manifests/latest',
        `blobs/${unknownDigest}`,
        'tags/list',
        `referrers/${unknownDigest}`,
      ]) {
        expect(refusal(await subject.get(`/v2/${name}/${rest}`))).toBe('400 NAME_INVALID');
      }
    },
  );

  test('error bodies in JSON MUST list errors, each with a code of capitals and underscores', async () => {
    const answer = await subject.get(manifestPath('no-such-tag'));
    expect(answer.headers['content-type']).toBe('application/json');
    expect(json(answer)).toEqual({
      errors: [
        {
          code: expect.stringMatching(/^[A-Z_]+$/) as string,
          message: expect.any(String) as string,
          detail: expect.anything() as unknown,
        },
      ],
    });
  });

  test('429: SHOULD include Retry-After', async () => {
    subject.hub.fault({
      on: 'manifest',
      kind: 'status',
      status: 429,
      code: 'TOOMANYREQUESTS',
      headers: { 'retry-after': '30' },
    });
    const answer = await subject.get(manifestPath('latest'));
    expect(refusal(answer)).toBe('429 TOOMANYREQUESTS');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });
});
