import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { drainEachFor, drainFor, drainOnce } from '../../../bench/client/drain.ts';
import { bodyLength } from '../../../bench/client/stream.ts';

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  opened.push(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return new URL(`http://127.0.0.1:${address.port}/blob`);
}

test('each of several connections downloads the whole body once', async () => {
  let requests = 0;
  const url = await serve((_request, response) => {
    requests += 1;
    response.setHeader('Content-Length', 1_000_000).end(Buffer.alloc(1_000_000));
  });
  const { bytes } = await drainOnce(url, { streams: 3 });
  expect({ bytes, requests }).toEqual({ bytes: 3_000_000, requests: 3 });
});

test('a timed load asks again on the same connection until its time is over', async () => {
  const peers = new Set<number | undefined>();
  let requests = 0;
  const url = await serve((request, response) => {
    requests += 1;
    peers.add(request.socket.remotePort);
    response.setHeader('Content-Length', 10).end('0123456789');
  });
  const { bytes } = await drainFor(url, 0.1, { streams: 2 });
  expect(peers.size).toBe(2);
  expect(requests).toBeGreaterThan(2);
  expect(bytes).toBeGreaterThanOrEqual((requests - 2) * 10);
});

test('a body that ends early is an error', async () => {
  const url = await serve((_request, response) => {
    response.setHeader('Content-Length', 100).write('short');
    setTimeout(() => response.destroy(), 20);
  });
  await expect(drainOnce(url)).rejects.toThrow(/95 bytes early/);
});

test('an answer other than 200 with a length is an error', () => {
  expect(bodyLength('HTTP/1.1 200 OK\r\ncontent-length: 12')).toBe(12);
  expect(() => bodyLength('HTTP/1.1 404 Not Found\r\nContent-Length: 12')).toThrow(/404/);
  expect(() => bodyLength('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked')).toThrow(/chunked/);
});

test('a stream with a rate takes no more than that, whatever the others take', async () => {
  const body = Buffer.alloc(4_000_000);
  const url = await serve((_request, response) => {
    response.setHeader('Content-Length', body.length).end(body);
  });
  const { streams } = await drainEachFor([{ url, rate: 1_000_000 }, { url }], 0.5);
  const [slow, fast] = streams;
  // What one read may bring comes on top of the rate.
  expect(slow?.bytes).toBeLessThan(500_000 + 2 ** 20);
  expect(fast?.bytes).toBeGreaterThan(body.length);
});
