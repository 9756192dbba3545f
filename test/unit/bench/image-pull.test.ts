import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { pullImage } from '../../../bench/client/image-pull.ts';
import { digestOf } from '../../../src/oci/digest.ts';

const [manifest, ...blobs] = Array.from({ length: 6 }, () => {
  const bytes = randomBytes(50);
  return { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length };
});

/**
 * A server of which `missing` cannot be had; and what it was asked for, beside how many others were open
 * then.
 */
async function serve(missing?: string): Promise<{ url: URL; asked: [path: string, open: number][] }> {
  const asked: [string, number][] = [];
  let open = 0;
  const server = createServer((request, response) => {
    open += 1;
    asked.push([request.url ?? '', open]);
    setTimeout(() => {
      open -= 1;
      response.statusCode = request.url?.endsWith(missing ?? '/') === true ? 404 : 200;
      response.setHeader('Content-Length', 50).end(Buffer.alloc(50));
    }, 20);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: new URL(`http://127.0.0.1:${address.port}/`), asked };
}

function image() {
  if (manifest === undefined) throw new Error('no manifest');
  return { repository: 'bench/image', manifest, blobs };
}

test('an image is pulled manifest first, then each blob once, three at a time', async () => {
  const { url, asked } = await serve();
  await pullImage(url, image());
  const [first, ...others] = asked.map(([path]) => path);
  expect(first).toBe('/v2/bench/image/manifests/latest');
  expect(others).toEqual(blobs.map(({ digest }) => `/v2/bench/image/blobs/${digest}`));
  expect(Math.max(...asked.map(([, open]) => open))).toBe(3);
});

test('a pull fails when one of its blobs does not come', async () => {
  const { url } = await serve(blobs[3]?.digest);
  await expect(pullImage(url, image())).rejects.toThrow(/404/);
});
