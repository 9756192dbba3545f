import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { within } from '../../support/deadline.ts';
import { RawClient } from '../../support/raw-client.ts';

let server: Server;
let origin: string;
let accepted: Promise<Socket>;

beforeEach(async () => {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  accepted = promise;
  server = createServer({ allowHalfOpen: true }, resolve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  (await accepted).destroy();
  server.close();
});

test.each([
  ['Content-Length reached', 'Content-Length: 3\r\n\r\nabc', 'abc', true],
  ['Content-Length not reached', 'Content-Length: 9\r\n\r\nabc', 'abc', false],
  ['the last chunk seen', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 'abc', true],
  ['the last chunk missing', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'abc', false],
  ['a chunk cut short', 'Transfer-Encoding: chunked\r\n\r\n5\r\nabc', 'abc', false],
])('tells whether an answer was whole: %s', async (_name, rest, text, complete) => {
  using client = await RawClient.connect(origin);
  client.request('GET', '/');
  (await accepted).end(`HTTP/1.1 200 OK\r\n${rest}`);
  const answer = await client.answer();

  expect([answer.status, answer.bytes.toString(), answer.complete]).toEqual([200, text, complete]);
});

test('an answer to HEAD is whole without the bytes it announces', async () => {
  using client = await RawClient.connect(origin);
  client.request('HEAD', '/');
  (await accepted).write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n');

  expect(await client.answer()).toMatchObject({ complete: true, headers: { 'content-length': '9' } });
});

test('abort is a reset to the server', async () => {
  using client = await RawClient.connect(origin);
  const socket = await accepted;
  const error = once(socket, 'error');
  socket.resume();
  client.abort();

  expect(await within(20_000, 'the reset', error)).toMatchObject([{ code: 'ECONNRESET' }]);
});

test('a half-closed client still reads', async () => {
  using client = await RawClient.connect(origin);
  const socket = await accepted;
  const end = once(socket, 'end');
  socket.resume();
  client.halfClose();
  await within(20_000, 'the end of the client’s side', end);
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc');

  expect((await client.answer()).complete).toBe(true);
});

test('what it does not read stays in the way of the sender', async () => {
  using client = await RawClient.connect(origin);
  const socket = await accepted;
  client.request('GET', '/');
  const size = 64 * 1024 * 1024;
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  socket.write(Buffer.alloc(size));
  await client.head();
  expect((await client.read(1000)).length).toBe(1000);
  expect(socket.writableLength).toBeGreaterThan(0);

  expect((await client.read(size - 1000)).length).toBe(size - 1000);
});
