import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawClient } from '../../support/raw-client.ts';
import { image, ociImage, refusal, repository, Subject, unknownDigest } from './subject.ts';

// A mirror takes no content: the endpoints that change a registry are refused, as registry:2 does as a proxy.

let subject: Subject;

beforeAll(async () => {
  subject = await Subject.start();
});

afterAll(async () => {
  await subject[Symbol.asyncDispose]();
});

const uploads = `/v2/${repository}/blobs/uploads/`;
const upload = `${uploads}3e1d2c4b-0000-4000-8000-000000000000`;

describe('refused with 405 UNSUPPORTED, without a question to upstream:', () => {
  test.each([
    ['end-4a', 'POST', uploads],
    ['end-4b', 'POST', `${uploads}?digest=${image.config.digest}`],
    ['end-4c', 'POST', `${uploads}?digest-algorithm=sha512`],
    ['end-5', 'PATCH', upload],
    ['end-6', 'PUT', `${upload}?digest=${image.config.digest}`],
    ['end-9', 'DELETE', `/v2/${repository}/manifests/latest`],
    ['end-9', 'DELETE', `/v2/${repository}/manifests/${image.digest}`],
    ['end-10', 'DELETE', `/v2/${repository}/blobs/${image.config.digest}`],
    ['end-11', 'POST', `${uploads}?mount=${image.config.digest}&from=owner/other`],
    ['end-13', 'GET', upload],
    ['end-14', 'DELETE', upload],
  ])('%s %s %s', async (_, method, path) => {
    const asked = subject.hub.requests.length;
    const answer = await subject.send(method, path);
    expect(refusal(answer)).toBe('405 UNSUPPORTED');
    expect(answer.headers['allow']).toBeDefined();
    expect(subject.hub.requests).toHaveLength(asked);
  });

  test.each([
    ['end-7a', ''],
    ['end-7b', '?tag=1&tag=2'],
  ])('%s PUT of a manifest that is one', async (_, query) => {
    const asked = subject.hub.requests.length;
    const { bytes, mediaType, digest } = ociImage;
    using client = await RawClient.connect(subject.entrepot.url);
    client.request('PUT', `/v2/${repository}/manifests/${digest}${query}`, {
      'content-type': mediaType,
      'content-length': String(bytes.length),
    });
    client.send(bytes.toString());
    expect(refusal(await client.answer())).toBe('405 UNSUPPORTED');
    expect(subject.hub.requests).toHaveLength(asked);
  });
});

test('end-7a: PUT of a manifest that is none is told so', async () => {
  const answer = await subject.send('PUT', `/v2/${repository}/manifests/latest`);
  expect(refusal(answer)).toBe('400 MANIFEST_INVALID');
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
  '%s of a list is refused with the methods that it has',
  async (method) => {
    for (const path of [`/v2/${repository}/tags/list`, `/v2/${repository}/referrers/${unknownDigest}`]) {
      const answer = await subject.send(method, path);
      expect(refusal(answer)).toBe('405 UNSUPPORTED');
      expect(answer.headers['allow']?.split(', ')).toEqual(expect.arrayContaining(['GET', 'HEAD']));
    }
  },
);
