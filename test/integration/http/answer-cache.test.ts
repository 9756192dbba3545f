import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { TestCertificate } from '../../support/certificates.ts';
import { eventually, within } from '../../support/deadline.ts';
import { Serving, type ServingOptions } from '../../support/serving.ts';
import { requestHead, timeless, WireClient } from '../../support/wire-client.ts';

const manifest = Buffer.from('{"schemaVersion":2,"\u00e9":true}');
const path = '/v2/box/manifests/v1';
const get = requestHead('GET', path, 'User-Agent: docker/27', 'Accept: */*');

async function start(options: ServingOptions = {}): Promise<Serving> {
  const serving = await Serving.start({ answerCache: true, ...options });
  serving.mirror.putManifest('box', 'v1', manifest);
  return serving;
}

function connect(serving: Serving): Promise<WireClient> {
  return WireClient.connect(serving.server.address.port);
}

/** What the mirror was asked, without the notes of uses. */
function asked({ mirror }: Serving): number {
  return mirror.calls.filter((call) => !call.startsWith('used')).length;
}

describe('a request that was answered from the cache before', () => {
  const blob = Buffer.alloc(10_000, 0xfe);
  test.each([
    ['a manifest', () => get],
    ['a manifest by HEAD', () => requestHead('HEAD', path)],
    ['a manifest by digest', (digest: string) => requestHead('GET', `/v2/box/manifests/${digest}`)],
    ['a small blob', (_: string, digest: string) => requestHead('GET', `/v2/box/blobs/${digest}`)],
    ['a blob by HEAD', (_: string, digest: string) => requestHead('HEAD', `/v2/box/blobs/${digest}`)],
    ['another registry', () => requestHead('GET', `${path}?ns=docker.io`)],
    ['a client that says what is meant anyway', () => requestHead('GET', path, 'Connection: keep-alive')],
  ])('is answered the same, byte for byte, without the mirror: %s', async (_, headOf) => {
    await using serving = await start();
    const head = headOf(
      serving.mirror.putManifest('box', 'v1', manifest),
      serving.mirror.putBlob('box', blob),
    );
    using client = await connect(serving);
    const first = await client.ask(head);
    const before = asked(serving);
    const second = await client.ask(head);
    const third = await client.ask(head);

    expect(first).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(timeless(second)).toBe(timeless(first));
    expect(timeless(third)).toBe(timeless(first));
    expect(asked(serving)).toBe(before);
    const ids = [first, second, third].map((answer) => /X-Request-Id: (.*)\r/.exec(answer)?.[1]);
    expect(new Set(ids).size).toBe(3);
    expect(/\r\nDate: (.*)\r/.exec(third)?.[1]).toBe(
      new Date(Date.parse(/\r\nDate: (.*)\r/.exec(third)?.[1] ?? '')).toUTCString(),
    );
  });

  test('has a line in the access log as every other has', async () => {
    await using serving = await start();
    using client = await connect(serving);
    for (let round = 0; round < 3; round += 1) await client.ask(get);
    await eventually(60_000, 'three lines', () => serving.requests.length === 3);
    const [first, ...others] = serving.requests.map((line) => ({
      ...line,
      time: 0,
      durationMs: 0,
      requestId: typeof line['requestId'],
    }));
    expect(first).toMatchObject({
      client: '127.0.0.1',
      method: 'GET',
      name: 'box',
      reference: 'v1',
      status: 200,
      result: 'hit',
      bytes: manifest.length,
      userAgent: 'docker/27',
    });
    expect(others).toStrictEqual([first, first]);
  });

  test('counts as a use of what is cached, once in a second', async () => {
    await using serving = await start();
    using client = await connect(serving);
    for (let round = 0; round < 5; round += 1) await client.ask(get);
    expect(serving.mirror.calls.filter((call) => call.startsWith('used'))).toStrictEqual(['used box v1']);
  });

  test('is answered so on other connections, too, after the first request of each', async () => {
    await using serving = await start();
    using one = await connect(serving);
    await one.ask(get);
    using other = await connect(serving);
    await other.ask(get);
    expect(asked(serving)).toBe(2);
    await other.ask(get);
    expect(asked(serving)).toBe(2);
  });

  test('is asked anew as soon as its answer does not stand', async () => {
    await using serving = await start();
    using client = await connect(serving);
    await client.ask(get);
    await client.ask(get);
    serving.mirror.putManifest('box', 'v1', Buffer.from('{"moved":true}'));
    expect(await client.ask(get)).toMatch(/\{"moved":true\}$/);
    expect(await client.ask(get)).toMatch(/\{"moved":true\}$/);
    expect(asked(serving)).toBe(2);
  });

  test('is answered so over TLS', async () => {
    const certificate = await TestCertificate.create({ name: 'server', addresses: ['127.0.0.1'] });
    await using serving = await start({ tls: { cert: certificate.pem, key: certificate.keyPem } });
    using client = await WireClient.connect(serving.server.address.port, certificate.pem);
    const first = await client.ask(get);
    for (let round = 0; round < 5; round += 1) {
      expect(timeless(await client.ask(get))).toBe(timeless(first));
    }
    expect(asked(serving)).toBe(1);
  });

  test('keeps its connection open as every other does, and no longer', async () => {
    await using serving = await start({ timeouts: { head: 100, request: 100, keepAlive: 200 } });
    using client = await connect(serving);
    const until = performance.now() + 500;
    while (performance.now() < until) {
      expect(await client.ask(get)).toMatch(/schemaVersion/);
      await delay(20);
    }
    expect(asked(serving)).toBe(1);
    await eventually(60_000, 'the end of the connection', () => client.ended);
  });
});

describe('what is never answered from memory', () => {
  test.each([
    ['credentials', 'Authorization: Basic YTpi'],
    ['cookies', 'Cookie: a=b'],
    ['an id of the client’s own', 'X-Request-Id: mine'],
    ['a range', 'Range: bytes=0-3'],
    ['a condition', 'If-None-Match: "x"'],
    ['a body, be it empty', 'Content-Length: 0'],
    ['a wish to close', 'Connection: close'],
    ['a wish for another protocol', 'Upgrade: websocket'],
    ['a page’s origin', 'Origin: http://page.example'],
  ])('a request with %s', async (_, header) => {
    await using serving = await start();
    const head = requestHead('GET', path, header);
    for (let round = 1; round <= 3; round += 1) {
      using client = await connect(serving);
      await client.ask(requestHead('GET', '/v2/'));
      await client.ask(head);
      expect(asked(serving)).toBe(round);
    }
  });

  test('a request of HTTP/1.0, and what comes after it', async () => {
    await using serving = await start();
    const old = `GET ${path} HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n`;
    using client = await connect(serving);
    await client.ask(old);
    await client.ask(old);
    expect(asked(serving)).toBe(2);
  });

  test.each(['stale', 'miss', 'joined'] as const)('an answer that was %s', async (result) => {
    await using serving = await start();
    serving.mirror.result = result;
    using client = await connect(serving);
    await client.ask(get);
    await client.ask(get);
    expect(asked(serving)).toBe(2);
  });

  test('a blob whose bytes are not what they should be', async () => {
    await using serving = await start();
    const digest = serving.mirror.putBlob('box', Buffer.from('right'));
    serving.mirror.putBlobSource('box', digest, {
      size: 5,
      read: (buffer) => Promise.resolve(Buffer.from('wrong').copy(buffer)),
    });
    using client = await connect(serving);
    const head = requestHead('GET', `/v2/box/blobs/${digest}`);
    await client.ask(head);
    await client.ask(head);
    expect(asked(serving)).toBe(2);
    expect(serving.mirror.openBlobs).toBe(0);
  });

  test('a blob of more than 64 KiB', async () => {
    await using serving = await start();
    const digest = serving.mirror.putBlob('box', Buffer.alloc(65_537));
    using client = await connect(serving);
    const head = requestHead('GET', `/v2/box/blobs/${digest}`);
    await client.ask(head);
    await client.ask(head);
    expect(asked(serving)).toBe(2);
  });
});

describe('bytes that look like a request that is known', () => {
  /** A connection on which it would be answered from memory. */
  async function known(serving: Serving): Promise<WireClient> {
    const client = await connect(serving);
    await client.ask(get);
    await client.ask(get);
    expect(asked(serving)).toBe(1);
    return client;
  }

  test('are the body of another request, when they come as one', async () => {
    await using serving = await start();
    using client = await known(serving);
    client.send(requestHead('POST', '/v2/box/blobs/uploads/', `Content-Length: ${get.length}`));
    await delay(20);
    client.send(get);
    expect(await client.answer()).toMatch(/^HTTP\/1\.1 405 /);
    await delay(50);
    expect(client.received).toBe('');
  });

  test('are a chunk of a chunked body, when they come as one', async () => {
    await using serving = await start();
    using client = await known(serving);
    client.send(requestHead('POST', '/v2/box/blobs/uploads/', 'Transfer-Encoding: chunked'));
    await delay(20);
    client.send(`${get.length.toString(16)}\r\n`);
    await delay(20);
    client.send(get);
    await delay(20);
    client.send('\r\n0\r\n\r\n');
    expect(await client.answer()).toMatch(/^HTTP\/1\.1 405 /);
    await delay(50);
    expect(client.received).toBe('');
  });

  test('are the rest of a head that came in two pieces', async () => {
    await using serving = await start();
    using client = await known(serving);
    client.send('GET /v2/ HTTP/1.1\r\nHost: test\r\nX-Rest: ');
    await delay(20);
    client.send(get);
    expect(await client.answer()).toMatch(/\{\}$/);
    await delay(50);
    expect(client.received).toBe('');
  });

  test('wait for the answers before them', async () => {
    await using serving = await start();
    using client = await known(serving);
    const gate = Promise.withResolvers<void>();
    serving.mirror.gate = gate.promise;
    client.send(requestHead('GET', '/v2/box/tags/list'));
    await delay(20);
    client.send(get);
    await delay(20);
    expect(client.received).toBe('');
    gate.resolve();
    expect(await client.answer()).toMatch(/"tags":/);
    expect(await client.answer()).toMatch(/schemaVersion/);
  });

  test('are answered each, when several come in one piece', async () => {
    await using serving = await start();
    using client = await known(serving);
    client.send(get + requestHead('GET', '/v2/') + get);
    expect(await client.answer()).toMatch(/schemaVersion/);
    expect(await client.answer()).toMatch(/\{\}$/);
    expect(await client.answer()).toMatch(/schemaVersion/);
  });

  test('are two requests each time, if they were two', async () => {
    await using serving = await start();
    const two = get + get;
    for (let round = 0; round < 2; round += 1) {
      using client = await connect(serving);
      await client.ask(requestHead('GET', '/v2/'));
      client.send(two);
      expect(await client.answer()).toMatch(/schemaVersion/);
      expect(await client.answer()).toMatch(/schemaVersion/);
    }
  });

  test('are nothing to a connection that was to be closed', async () => {
    await using serving = await start();
    using client = await known(serving);
    client.send(requestHead('GET', '/v2/', 'Connection: close'));
    client.send(get);
    await once(client.socket, 'close');
    expect(client.received.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
  });
});

/** The server's ends of connections, in the order in which they come. */
function serverSockets(): Disposable & { readonly all: readonly Socket[] } {
  const all: Socket[] = [];
  const note = (message: unknown): void => {
    all.push((message as { readonly socket: Socket }).socket);
  };
  subscribe('net.server.socket', note);
  return { all, [Symbol.dispose]: () => unsubscribe('net.server.socket', note) };
}

/** Asks for a small blob without reading until the system takes no more answers. */
async function stuff(serving: Serving, client: WireClient, socket: Socket | undefined): Promise<number> {
  const head = requestHead('GET', `/v2/box/blobs/${serving.mirror.putBlob('box', Buffer.alloc(60_000, 7))}`);
  await client.ask(head);
  client.socket.pause();
  for (let sent = 1; ; sent += 1) {
    client.send(head);
    // Each is to arrive by itself.
    await delay(2);
    if ((socket?.writableLength ?? 0) > 0) return sent;
  }
}

describe('a client that does not read', () => {
  test('has one answer in memory at most, and gets all of them once it reads', async () => {
    using sockets = serverSockets();
    await using serving = await start();
    using client = await connect(serving);
    const sent = await stuff(serving, client, sockets.all[0]);
    const more = 20;
    for (let round = 0; round < more; round += 1) {
      client.send(get);
      await delay(1);
    }
    expect(sockets.all[0]?.writableLength).toBeLessThan(100_000);
    client.socket.resume();
    for (let round = 0; round < sent; round += 1) {
      expect((await client.answer()).length).toBeGreaterThan(60_000);
    }
    for (let round = 0; round < more; round += 1) expect(await client.answer()).toMatch(/schemaVersion/);
    await eventually(60_000, 'a line for each', () => serving.requests.length === 1 + sent + more);
    expect(serving.requests.every(({ status, aborted }) => status === 200 && aborted !== true)).toBe(true);
  });

  test('and leaves is told of in the log', async () => {
    using sockets = serverSockets();
    await using serving = await start();
    using client = await connect(serving);
    const sent = await stuff(serving, client, sockets.all[0]);
    client.socket.resetAndDestroy();
    await eventually(60_000, 'a line for each', () => serving.requests.length === 1 + sent);
    expect(serving.requests.at(-1)).toMatchObject({ status: 200, result: 'hit', bytes: 0, aborted: true });
  });

  test('gets what was answered also when the server is to stop meanwhile', async () => {
    using sockets = serverSockets();
    await using serving = await start();
    using client = await connect(serving);
    const sent = await stuff(serving, client, sockets.all[0]);
    const drained = serving.server.drain(10_000);
    await delay(50);
    client.socket.resume();
    for (let round = 0; round < sent; round += 1) {
      expect((await client.answer()).length).toBeGreaterThan(60_000);
    }
    await drained;
  });

  test('keeps a server from stopping no longer than others do', async () => {
    using sockets = serverSockets();
    await using serving = await start();
    using client = await connect(serving);
    await stuff(serving, client, sockets.all[0]);
    await within(60_000, 'the end of the server', serving.server.drain(50));
    expect(serving.requests.at(-1)).toMatchObject({ aborted: true });
  });
});

describe('a server that is to stop', () => {
  test('cuts no answer of clients that ask all the time', async () => {
    const serving = await start();
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect(serving)));
    let whole = 0;
    const asking = clients.map(async (client) => {
      while (!client.ended) {
        const answer = await client.ask(get);
        if (answer === '') break;
        expect(answer).toMatch(/schemaVersion.*\}$/);
        whole += 1;
      }
      expect(client.received).toBe('');
      client[Symbol.dispose]();
    });
    await eventually(60_000, 'some answers', () => whole > 100);
    await within(60_000, 'the end of the server', serving.server.drain(4000));
    await Promise.all(asking);
    expect(serving.requests).toHaveLength(whole);
  });
});
