import {
  brotliCompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { maxManifestBytes } from '../../../src/oci/manifest.ts';
import { makeImage } from '../../support/image.ts';
import {
  clientOf,
  failureOf,
  repositoryName,
  scriptedServer,
  tagReference,
  type ScriptedServer,
} from './harness.ts';

const app = repositoryName('owner/app');
const v1 = tagReference('v1');
const image = makeImage();
const codings: Readonly<Record<string, (bytes: Uint8Array) => Buffer>> = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  GZip: gzipSync,
  deflate: deflateSync,
  // RFC 9110, section 8.4.1.2: "some non-conformant implementations send the 'deflate' compressed data
  // without the zlib wrapper".
  Deflate: deflateRawSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  'gzip, identity, br': (bytes) => brotliCompressSync(gzipSync(bytes)),
};

/**
 * A frame whose head states a window of 128 MiB: its descriptor is the byte behind magic number and flags
 * (RFC 8878, 3.1.1.1.2).
 */
function withLargeWindow(): Buffer {
  const params = { [constants.ZSTD_c_contentSizeFlag]: 0 };
  const frame = zstdCompressSync(Buffer.alloc(maxManifestBytes / 2, ' '), { params });
  frame[5] = 17 << 3;
  return frame;
}

/** Answers everything with a body, encoded or not, and its label. */
function labelled(
  encoding: string,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<ScriptedServer> {
  return scriptedServer(({ method }, response) => {
    response.writeHead(200, { 'content-encoding': encoding, ...headers });
    response.end(method === 'HEAD' ? undefined : body);
  });
}

describe('a manifest that comes encoded although nobody asked for that', () => {
  it.each(Object.entries(codings))(
    '(%s) is decoded where that gives the digest',
    async (encoding, encode) => {
      const { mediaType, digest, bytes } = image;
      const headers = { 'content-type': mediaType, 'docker-content-digest': digest };
      await using upstream = await labelled(encoding, encode(bytes), headers);
      await using client = clientOf(upstream.url);

      expect((await client.registry.getManifest(app, v1)).bytes).toEqual(bytes);
      expect((await client.registry.getManifest(app, { digest })).bytes).toEqual(bytes);
      // The length of what is encoded would be a wrong size.
      expect(await client.registry.headManifest(app, v1)).toEqual({ digest, mediaType, size: undefined });
    },
  );

  it('is decoded where nobody states a digest', async () => {
    await using upstream = await labelled('gzip', gzipSync(image.bytes));
    await using client = clientOf(upstream.url);
    expect((await client.registry.getManifest(app, v1)).bytes).toEqual(image.bytes);
  });

  it.each(['gzip', 'aws-chunked'])(
    'is taken as it is where only the label (%s) is wrong',
    async (encoding) => {
      await using upstream = await labelled(encoding, image.bytes);
      await using client = clientOf(upstream.url);
      expect((await client.registry.getManifest(app, { digest: image.digest })).bytes).toEqual(image.bytes);
    },
  );

  it('is refused where what it decodes to has another digest', async () => {
    const other = digestOf(Buffer.from('another'));
    await using upstream = await labelled('gzip', gzipSync(image.bytes), { 'docker-content-digest': other });
    await using client = clientOf(upstream.url);
    for (const reference of [v1, { digest: other }]) {
      const failure = await failureOf(client.registry.getManifest(app, reference));
      expect(failure.kind).toBe('invalid');
      expect(failure.message).toContain('an encoded body (gzip) that does not match the digest');
    }
  });

  it.each([
    ['is cut', 'gzip', gzipSync(image.bytes).subarray(0, 40)],
    ['is not encoded so', 'br', Buffer.from('no brotli')],
    ['is of more than 4 MiB', 'gzip', gzipSync(Buffer.alloc(maxManifestBytes + 1, ' '))],
    ['is of more than 4 MiB', 'zstd', zstdCompressSync(Buffer.alloc(64 * maxManifestBytes))],
    ['wants 128 MiB to be decoded', 'zstd', withLargeWindow()],
  ])('is refused where it %s (%s)', async (_, encoding, body) => {
    await using upstream = await labelled(encoding, body);
    await using client = clientOf(upstream.url);
    const failure = await failureOf(client.registry.getManifest(app, v1));
    expect(failure.kind).toBe('invalid');
    expect(failure.message).toContain(`an encoded body (${encoding}) that cannot be decoded`);
  });
});

describe('what else comes encoded', () => {
  it('is read: lists of tags, referrers and searches', async () => {
    const [tags, index, found] = [{ tags: ['v1'] }, { manifests: [] }, { results: [] }];
    const body = gzipSync(JSON.stringify({ ...tags, ...index, ...found }));
    await using upstream = await labelled('gzip', body);
    await using client = clientOf(upstream.url);
    expect(await client.registry.listTags(app)).toEqual(['v1']);
    expect(await client.registry.referrers(app, image.digest)).toEqual([]);
    expect(await client.registry.search('x', 1)).toEqual([]);
  });

  it('is read: tokens, and the words of a refusal', async () => {
    await using upstream = await scriptedServer((request, response) => {
      const isToken = request.url?.startsWith('/token') === true;
      const body = isToken ? { token: 'abc' } : { errors: [{ code: 'DENIED', message: 'by a policy' }] };
      response.writeHead(isToken ? 200 : request.headers.authorization === undefined ? 401 : 403, {
        'content-encoding': 'gzip',
        'www-authenticate': `Bearer realm="http://${request.headers.host}/token"`,
      });
      response.end(gzipSync(JSON.stringify(body)));
    });
    await using client = clientOf(upstream.url);
    const failure = await failureOf(client.registry.getManifest(app, v1));
    expect([failure.kind, failure.message]).toEqual([
      'denied',
      expect.stringContaining('DENIED: by a policy'),
    ]);
  });
});
