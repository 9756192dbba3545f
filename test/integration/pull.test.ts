import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, errorCode, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, makeIndex, noise, type Image } from '../support/image.ts';
import { RawClient, type RawAnswer } from '../support/raw-client.ts';
import { noPartialBlobs } from '../support/store-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const repository = 'library/hello';
const image = makeImage({ layers: [300_000, 5000] });
const ociImage = makeImage({ oci: true, seed: 2 });
const index = makeIndex([image, makeImage({ seed: 3 })], { oci: true });
const [layer = image.config] = image.layers;
const manifests = `/v2/${repository}/manifests`;
const blobPath = `/v2/${repository}/blobs/${layer.digest}`;
/** What a client of the newest kind accepts. */
const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage(repository, 'latest', image);
  hub.addImage(repository, 'oci', ociImage);
  hub.addImage(repository, 'multi', index);
  entrepot = await TestEntrepot.start({ upstream: hub.url });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

/** A pull as dockerd does it: HEAD by tag, GET by digest, then the blobs. */
async function pull(pulled: Image, tag: string): Promise<readonly string[]> {
  const head = await ask(entrepot.url, `${manifests}/${tag}`, { accept }, 'HEAD');
  const digest = head.headers['docker-content-digest'] ?? '';
  const manifest = await ask(entrepot.url, `${manifests}/${digest}`, { accept });
  const blobs = await Promise.all(
    [pulled.config, ...pulled.layers].map(async ({ digest, bytes }) =>
      verdict(await ask(entrepot.url, `/v2/${repository}/blobs/${digest}`), bytes),
    ),
  );
  return [String(head.status), verdict(manifest, pulled.bytes), ...blobs];
}

function headersOf(
  { headers }: RawAnswer,
  names: readonly string[],
): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(names.map((name) => [name, headers[name]]));
}

describe('a manifest', () => {
  const headers = [
    'content-type',
    'content-length',
    'docker-content-digest',
    'etag',
    'docker-distribution-api-version',
  ];
  const expected = (content: Image | typeof index): Record<string, string> => ({
    'content-type': content.mediaType,
    'content-length': String(content.size),
    'docker-content-digest': content.digest,
    etag: `"${content.digest}"`,
    'docker-distribution-api-version': 'registry/2.0',
  });

  test.each([
    { tag: 'latest', content: image },
    { tag: 'oci', content: ociImage },
    { tag: 'multi', content: index },
  ])(
    '$tag comes byte for byte, with the same headers to HEAD and GET, by tag and by digest, cold and held',
    async ({ tag, content }) => {
      for (const path of [`${manifests}/${tag}`, `${manifests}/${content.digest}`]) {
        for (const method of ['HEAD', 'GET', 'HEAD', 'GET']) {
          const answer = await ask(entrepot.url, path, { accept }, method);
          expect(answer.status).toBe(200);
          expect(headersOf(answer, headers)).toEqual(expected(content));
          expect(answer.bytes.equals(method === 'GET' ? content.bytes : Buffer.alloc(0))).toBe(true);
        }
      }
      expect(hub.pulls).toBe(1);
    },
  );

  test('is not asked for again under its tag for a minute, then by HEAD, which costs no pull', async () => {
    await ask(entrepot.url, `${manifests}/latest`);
    hub.clearLog();
    entrepot.clock.advance(59_000);
    await ask(entrepot.url, `${manifests}/latest`);
    expect(hub.count({ server: 'registry' })).toBe(0);

    entrepot.clock.advance(2000);
    await ask(entrepot.url, `${manifests}/latest`);
    expect(hub.count({ server: 'registry', method: 'HEAD' })).toBe(1);
    expect(hub.pulls).toBe(0);
  });

  test('follows its tag, at the price of one pull', async () => {
    await ask(entrepot.url, `${manifests}/latest`);
    hub.moveTag(repository, 'latest', ociImage.digest);
    entrepot.clock.advance(61_000);
    hub.clearLog();

    expect(verdict(await ask(entrepot.url, `${manifests}/latest`, { accept }), ociImage.bytes)).toBe('right');
    expect(hub.pulls).toBe(1);
  });

  test('is pulled once for 64 clients who ask at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => ask(entrepot.url, `${manifests}/latest`)),
    );
    expect(answers.map((answer) => verdict(answer, image.bytes))).toEqual(Array(64).fill('right'));
    expect(hub.pulls).toBe(1);
    // The first one meets the challenge.
    const heads = hub.requests.filter(({ method }) => method === 'HEAD').map(({ status }) => status);
    expect(heads).toEqual([401, 200]);
  });

  test.each([(tag: string) => `"${tag}"`, (tag: string) => tag, (tag: string) => `"other", W/"${tag}"`])(
    'is not sent to whoever has it already (%#)',
    async (write) => {
      const condition = { 'if-none-match': write(image.digest) };
      const answer = await ask(entrepot.url, `${manifests}/latest`, condition);
      expect([answer.status, answer.headers['etag']]).toEqual([304, `"${image.digest}"`]);
    },
  );

  test('goes to one-word names as Docker Hub has them, and tells containerd whose it is', async () => {
    const answer = await ask(entrepot.url, '/v2/hello/manifests/latest?ns=docker.io', { accept });
    expect(verdict(answer, image.bytes)).toBe('right');
    expect(answer.headers['oci-namespace']).toBe('docker.io');
  });

  test('of a type that the client does not accept is a 404 that says what is held', async () => {
    const old = { accept: 'application/vnd.docker.distribution.manifest.v2+json' };
    const answer = await ask(entrepot.url, `${manifests}/oci`, old);
    expect([answer.status, errorCode(answer)]).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect(answer.bytes.toString()).toContain(ociImage.mediaType);
  });

  test.each([
    ['/v2/library/hello/manifests/none', '404 MANIFEST_UNKNOWN'],
    [`/v2/library/hello/manifests/sha256:${'0'.repeat(64)}`, '404 MANIFEST_UNKNOWN'],
    [`/v2/library/hello/blobs/sha256:${'0'.repeat(64)}`, '404 BLOB_UNKNOWN'],
    ['/v2/library/hello/manifests/sha256:123', '400 DIGEST_INVALID'],
    ['/v2/library/hello/manifests/-', '404 MANIFEST_UNKNOWN'],
    ['/v2/library/HELLO/manifests/latest', '400 NAME_INVALID'],
    // Docker Hub says 401 of what is not there, as of what is private. Without a challenge that is no answer
    // of ours (RFC 9110, section 15.5.2).
    ['/v2/library/nobody/manifests/latest', '403 DENIED'],
    ['/v2/library/nobody/tags/list', '403 DENIED'],
    ['/v2/hello/manifests/latest?ns=quay.io', '404 NAME_UNKNOWN'],
  ])('at %s is %s', async (path, expected) => {
    expect(verdict(await ask(entrepot.url, path), Buffer.alloc(0))).toBe(expected);
  });
});

describe('a blob', () => {
  const common = {
    'accept-ranges': 'bytes',
    'cache-control': 'max-age=31536000',
    'content-type': 'application/octet-stream',
    'docker-content-digest': layer.digest,
    etag: `"${layer.digest}"`,
    'docker-distribution-api-version': 'registry/2.0',
  };
  const names = [...Object.keys(common), 'content-length', 'content-range'];

  test('comes byte for byte, with the same headers cold and held', async () => {
    for (const method of ['HEAD', 'GET', 'HEAD', 'GET']) {
      const answer = await ask(entrepot.url, blobPath, {}, method);
      expect(answer.status).toBe(200);
      expect(headersOf(answer, names)).toEqual({
        ...common,
        'content-length': '300000',
        'content-range': undefined,
      });
      if (method === 'GET') expect(verdict(answer, layer.bytes)).toBe('right');
      else expect(answer.bytes.length).toBe(0);
    }
    expect(hub.bytesSent(layer.digest)).toBe(300_000);
  });

  const ranges = [
    ['bytes=1000-1999', 1000, 2000],
    ['bytes=-100', 299_900, 300_000],
    ['bytes=250000-', 250_000, 300_000],
    ['bytes=299999-400000', 299_999, 300_000],
    ['bytes=0-', 0, 300_000],
  ] as const;

  describe.each([{ state: 'cold' }, { state: 'held' }])('that is $state', ({ state }) => {
    test.each(ranges)(
      'answers %s with those bytes, from one download of the whole',
      async (range, start, end) => {
        if (state === 'held') await ask(entrepot.url, blobPath);
        const answer = await ask(entrepot.url, blobPath, { range });
        expect(answer.status).toBe(206);
        expect(headersOf(answer, names)).toEqual({
          ...common,
          'content-length': String(end - start),
          'content-range': `bytes ${start}-${end - 1}/300000`,
        });
        expect(answer.bytes.equals(layer.bytes.subarray(start, end))).toBe(true);
        await noPartialBlobs(entrepot.folder);
        expect(hub.bytesSent(layer.digest)).toBe(300_000);
      },
    );

    test('refuses a range past its end, and says how long it is', async () => {
      if (state === 'held') await ask(entrepot.url, blobPath);
      const answer = await ask(entrepot.url, blobPath, { range: 'bytes=300000-' });
      expect([verdict(answer, layer.bytes), answer.headers['content-range']]).toEqual([
        '416 RANGE_INVALID',
        'bytes */300000',
      ]);
    });
  });

  test('answers a range on a miss as soon as its bytes are there, without waiting for the rest', async () => {
    const rest = Promise.withResolvers<void>();
    hub.fault({ on: 'blob', kind: 'hold', afterBytes: 100_000, until: rest.promise });
    const answer = await ask(entrepot.url, blobPath, { range: 'bytes=50000-59999' });
    expect([answer.status, verdict(answer, layer.bytes)]).toEqual([206, 'right']);
    rest.resolve();
    await noPartialBlobs(entrepot.folder);
    expect(hub.count({ server: 'cdn' })).toBe(1);
  });

  test.each([`"${layer.digest}"`, layer.digest])(
    'is not sent, nor fetched, for a client that has %s',
    async (tag) => {
      const answer = await ask(entrepot.url, blobPath, { 'if-none-match': tag });
      expect([answer.status, answer.bytes.length]).toEqual([304, 0]);
      expect(hub.count({ server: 'cdn', method: 'GET' })).toBe(0);
    },
  );

  test('comes from the CDN, which never sees an Authorization', async () => {
    await ask(entrepot.url, blobPath);
    const seen = hub.requests.filter(({ server }) => server === 'cdn');
    expect(seen.map(({ headers, status }) => [headers.authorization, status])).toEqual([[undefined, 200]]);
    expect(hub.requests.some(({ headers }) => headers.authorization?.startsWith('Bearer ') === true)).toBe(
      true,
    );
  });

  test('is downloaded once for 64 clients who want it whole, in part, or only its size', async () => {
    const large = noise(8 * 1024 * 1024, 'large');
    const path = `/v2/${repository}/blobs/${hub.addBlob(repository, large)}`;
    const verdicts = await Promise.all(
      Array.from({ length: 64 }, async (_, client) => {
        if (client % 4 === 3) {
          const { status, headers } = await ask(entrepot.url, path, {}, 'HEAD');
          return status === 200 && headers['content-length'] === String(large.length) ? 'right' : 'wrong';
        }
        const range = { range: `bytes=${client * 100_000}-` };
        return verdict(await ask(entrepot.url, path, client % 4 === 1 ? range : {}), large);
      }),
    );

    expect(verdicts).toEqual(Array(64).fill('right'));
    expect(hub.count({ server: 'cdn', method: 'GET' })).toBe(1);
    await noPartialBlobs(entrepot.folder);
  });

  test('of another repository is nobody else’s to read, though its bytes are here', async () => {
    const secret = hub.addBlob('library/secret', noise(1000, 'secret'));
    await ask(entrepot.url, `/v2/library/secret/blobs/${secret}`);
    const answer = await ask(entrepot.url, `/v2/${repository}/blobs/${secret}`);
    expect(verdict(answer, Buffer.alloc(0))).toBe('404 BLOB_UNKNOWN');
  });
});

describe('lists', () => {
  test('of tags are upstream’s, in order and page by page', async () => {
    const path = `/v2/${repository}/tags/list`;
    const whole = await ask(entrepot.url, path);
    expect(JSON.parse(whole.bytes.toString())).toEqual({
      name: repository,
      tags: ['latest', 'multi', 'oci'],
    });

    const page = await ask(entrepot.url, `${path}?n=2`);
    const [, next = ''] = /^<([^>]+)>; rel="next"$/.exec(page.headers['link'] ?? '') ?? [];
    const last = await ask(entrepot.url, next);
    expect([page, last].map(({ bytes }) => (JSON.parse(bytes.toString()) as { tags: unknown }).tags)).toEqual(
      [['latest', 'multi'], ['oci']],
    );
    expect(last.headers['link']).toBeUndefined();
    expect(hub.pulls).toBe(0);
  });

  test('of repositories are what is held, and ask nobody', async () => {
    hub.addImage('someone/else', 'v1', image);
    await ask(entrepot.url, '/v2/someone/else/manifests/v1');
    await ask(entrepot.url, `${manifests}/latest`);
    hub.clearLog();

    const { bytes } = await ask(entrepot.url, '/v2/_catalog');
    expect(JSON.parse(bytes.toString())).toEqual({ repositories: [repository, 'someone/else'] });
    expect(hub.requests).toEqual([]);
  });
});

describe('without its upstream', () => {
  test('an image that was pulled once is pulled again after a restart, whatever the age of its tag', async () => {
    const whole = ['200', 'right', 'right', 'right', 'right'];
    expect(await pull(image, 'latest')).toEqual(whole);
    await noPartialBlobs(entrepot.folder);
    hub.down();
    entrepot.clock.advance(7 * 24 * 60 * 60_000);
    await entrepot.restart();

    expect(await pull(image, 'latest')).toEqual(whole);
    const tags = await ask(entrepot.url, `/v2/${repository}/tags/list`);
    expect(JSON.parse(tags.bytes.toString())).toEqual({ name: repository, tags: ['latest'] });
  });

  test('it starts, tells the truth about what it has not, and takes up work when upstream is back', async () => {
    hub.down();
    await entrepot.restart();
    expect((await ask(entrepot.url, '/v2/')).status).toBe(200);
    expect(verdict(await ask(entrepot.url, `${manifests}/latest`), image.bytes)).toBe('503 UNAVAILABLE');
    expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('503 UNAVAILABLE');

    await hub.up();
    expect(await pull(image, 'latest')).toEqual(['200', 'right', 'right', 'right', 'right']);
  });
});

test('many requests on one connection, of all kinds, keep it usable', async () => {
  using client = await RawClient.connect(entrepot.url);
  for (const [method, path, status] of [
    ['GET', '/v2/', 200],
    ['HEAD', `${manifests}/latest`, 200],
    ['GET', `${manifests}/none`, 404],
    ['GET', blobPath, 200],
    ['HEAD', blobPath, 200],
    ['GET', `${manifests}/latest`, 200],
  ] as const) {
    client.request(method, path);
    const answer = await client.answer();
    expect([method, path, answer.status, answer.complete]).toEqual([method, path, status, true]);
  }
  expect(client.ended).toBe(false);
});
