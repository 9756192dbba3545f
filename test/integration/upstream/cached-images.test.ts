import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/system-clock.ts';
import { Authorities } from '../../../src/upstream/authorities.ts';
import type { CachedImage } from '../../../src/upstream/cached-images-client.ts';
import { createCachedImagesClient } from '../../../src/upstream/create-registry-client.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeImage } from '../../support/image.ts';
import { logLines } from '../../support/log-lines.ts';
import type { UpstreamName } from '../../../src/oci/reference.ts';
import { scriptedServer } from './harness.ts';

const { digest } = makeImage();

const entry = (over: object = {}) => ({
  upstream: 'docker.io',
  repository: 'library/node',
  tag: '18',
  digest,
  complete: true,
  pinned: false,
  checkedAt: null,
  ...over,
});

/** Reads the list of a server that answers with these bodies, one a page. */
async function listed(
  page: (asked: number) => { readonly body: string; readonly link?: string; readonly status?: number },
): Promise<readonly CachedImage[] | string> {
  let asked = 0;
  await using server = await scriptedServer((_, response) => {
    const { body, link, status = 200 } = page(asked);
    asked += 1;
    response.writeHead(status, { 'content-type': 'application/json', ...(link && { link }) }).end(body);
  });
  await using client = createCachedImagesClient({
    name: 'school.lan' as UpstreamName,
    urls: [new URL(server.url)],
    timeouts: { connectMs: 5000, headerMs: 5000, idleMs: 5000 },
    authorities: () => Promise.resolve(new Authorities([])),
    clock: systemClock(),
    logger: logLines('silent').logger,
    random: () => 0,
  });
  try {
    return await Array.fromAsync(client.images());
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return error.message.replaceAll(new URL(server.url).host, 'HOST');
  }
}

const pageOf = (...images: readonly object[]): string => JSON.stringify({ images });

test("another Entrepot's images come page by page, with what is new in a later version left out", async () => {
  const images = await listed((asked) =>
    asked === 0
      ? { body: pageOf(entry({ color: 'blue' })), link: '</v2/_entrepot/images?last=a&n=500>; rel="next"' }
      : { body: pageOf(entry({ tag: null })) },
  );
  expect(images).toEqual([entry(), entry({ tag: null })]);
});

test.each([
  ['a name with an escape sequence', pageOf(entry({ repository: 'a/\u001b[31mb' }))],
  ['a name that climbs', pageOf(entry({ repository: '../../etc' }))],
  ['a registry with a path', pageOf(entry({ upstream: 'docker.io/evil' }))],
  ['a tag with a line break', pageOf(entry({ tag: '18\n' }))],
  ['a digest that is none', pageOf(entry({ digest: 'sha256:0' }))],
  ['no list', '{"repositories":[]}'],
  ['a web page', '<html>'],
])('a list with %s is no list', async (_, body) => {
  expect(await listed(() => ({ body }))).toMatch(/^HOST: the answer holds no list of images: /);
});

test('a list that is longer than a page may be is not read to its end', async () => {
  const body = `{"images":[${' '.repeat(9 * 1024 * 1024)}]}`;
  expect(await listed(() => ({ body }))).toBe('an answer of more than 8388608 bytes');
});

test('a list that links to itself ends', async () => {
  const images = await listed(() => ({ body: pageOf(entry()), link: '<?n=500>; rel="next"' }));
  expect(images).toEqual([entry()]);
});

test('a list that goes round ends', async () => {
  const images = await listed((asked) => ({
    body: pageOf(entry()),
    link: `<?n=500&last=${asked % 3}>; rel="next"`,
  }));
  expect(images).toHaveLength(4);
});

test('a list without end is an error in the end', async () => {
  const many = pageOf(...Array.from({ length: 25_000 }, () => entry()));
  expect(await listed((asked) => ({ body: many, link: `<?last=${asked}>; rel="next"` }))).toBe(
    'HOST lists more than 100000 images',
  );
});

test('an empty page is the last', async () => {
  expect(await listed((asked) => ({ body: pageOf(), link: `<?last=${asked}>; rel="next"` }))).toEqual([]);
});
