import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import {
  connect,
  createServer,
  type AddressInfo,
  type OnReadOpts,
  type Server,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { Client } from 'undici';
import { describe, expect, it } from 'vitest';
import { Arriving } from '../../../src/upstream/arriving.ts';
import type { ResponseHeaders } from '../../../src/upstream/headers.ts';
import { onePiece, ReceiveBuffers } from '../../../src/upstream/receive-buffers.ts';
import { noise } from '../../support/image.ts';

/** Connects as those do that bring much. */
function receiving(port: number): Socket {
  const options: TcpNetConnectOpts & { readonly highWaterMark: number } = {
    port,
    host: '127.0.0.1',
    onread: new ReceiveBuffers().onread(),
    highWaterMark: onePiece,
  };
  return connect(options);
}

/** What Node does with such options: asks for room, and tells what has come into it. */
function byHand(onread: OnReadOpts): {
  readonly room: () => Uint8Array;
  readonly receive: (room: Uint8Array, bytes: number) => void;
} {
  return {
    room: () => (typeof onread.buffer === 'function' ? onread.buffer() : onread.buffer),
    receive: (room, bytes) => {
      onread.callback.call({ push: () => true }, bytes, room);
    },
  };
}

interface Listening extends AsyncDisposable {
  readonly port: number;
}

async function listening(server: Server): Promise<Listening> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** A server that does `answer` at each request. */
function answering(answer: (socket: Socket) => Promise<void>): Promise<Listening> {
  return listening(
    createServer({ noDelay: true }, (socket) => {
      socket.on('data', () => void answer(socket));
      socket.on('error', () => undefined);
    }),
  );
}

/** The headers of the next answer, whose body is read and given back. */
async function received(client: Client, memory: ReceiveBuffers): Promise<ResponseHeaders> {
  const arriving = new Arriving(memory, undefined);
  client.dispatch({ path: '/', method: 'GET' }, arriving);
  const { headers } = await arriving.head;
  for (let piece = await arriving.next(); piece !== undefined; piece = await arriving.next()) {
    arriving.release(piece);
  }
  return headers;
}

/** A server that sends each connection the next one of `answers`. */
function serving(answers: readonly Buffer[]): Promise<Listening> {
  let served = 0;
  return listening(
    createServer((socket) => {
      socket.end(answers[served] ?? Buffer.alloc(0));
      served += 1;
    }),
  );
}

describe('receiving into large buffers', () => {
  it('mixes up no bytes, of one connection or of several', async () => {
    const answers = Array.from({ length: 4 }, (_, index) => noise(1_000_000 + index, `answer ${index}`));
    await using server = await serving(answers);
    const buffers = new ReceiveBuffers();
    const onread = buffers.onread();
    const received = await Promise.all(
      answers.map(() => {
        const socket = connect({ port: server.port, host: '127.0.0.1', onread });
        return buffer(socket.on('data', (piece: Buffer) => buffers.hold(piece)));
      }),
    );
    const bySize = received.toSorted((one, other) => one.length - other.length);
    expect(bySize.map((bytes, index) => bytes.equals(answers[index] ?? Buffer.alloc(0)))).toEqual(
      answers.map(() => true),
    );
  });

  it('takes more at a time than Node does by itself', async () => {
    await using server = await serving([Buffer.alloc(8 * 1024 * 1024)]);
    const socket = receiving(server.port);
    let largest = 0;
    socket.on('data', (piece: Buffer) => {
      largest = Math.max(largest, piece.length);
    });
    await once(socket, 'close');
    expect(largest).toBeGreaterThan(65_536);
  });

  it('pauses with the stream, so that nothing is received that nobody reads', async () => {
    await using server = await serving([Buffer.alloc(32 * 1024 * 1024)]);
    const socket = receiving(server.port);
    await once(socket, 'readable');
    for (let count = 0; count < 200; count += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(socket.readableLength).toBeLessThanOrEqual(256 * 1024);
    expect((await buffer(socket)).length).toBe(32 * 1024 * 1024);
  });

  it('goes on in the same memory once what was there is released, and in other memory as long as it is not', async () => {
    await using server = await serving([noise(4 * 1024 * 1024, 'again'), noise(4 * 1024 * 1024, 'again')]);
    const memory = async (released: boolean): Promise<{ places: number; bytes: number }> => {
      const buffers = new ReceiveBuffers();
      const options: TcpNetConnectOpts = { port: server.port, host: '127.0.0.1', onread: buffers.onread() };
      const socket = connect(options);
      const places = new Set<ArrayBufferLike>();
      let bytes = 0;
      socket.on('data', (piece: Buffer) => {
        places.add(piece.buffer);
        bytes += piece.length;
        buffers.hold(piece);
        if (released) buffers.release(piece);
      });
      await once(socket, 'close');
      return { places: places.size, bytes };
    };
    // Two by turns: what came into the first is known to be read once more has come into the second.
    expect(await memory(true)).toEqual({ places: 2, bytes: 4 * 1024 * 1024 });
    expect((await memory(false)).places).toBeGreaterThan(10);
  });

  it('does not go on in memory of which a part is still read', async () => {
    const answer = noise(4 * 1024 * 1024, 'kept');
    await using server = await serving([answer]);
    const buffers = new ReceiveBuffers();
    const socket = connect({ port: server.port, host: '127.0.0.1', onread: buffers.onread() });
    const kept: { readonly at: number; readonly piece: Buffer }[] = [];
    let at = 0;
    socket.on('data', (piece: Buffer) => {
      kept.push({ at, piece: piece.subarray(0, 1) });
      at += piece.length;
      buffers.hold(piece);
      buffers.release(piece.subarray(1));
    });
    await once(socket, 'close');
    expect(kept.every(({ at: from, piece }) => piece[0] === answer[from])).toBe(true);
  });

  it('does not go on in memory of which a parser may still read, as long as it has not come to the next body', () => {
    const memory = new ReceiveBuffers();
    const { room, receive } = byHand(memory.onread());
    const first = room();
    receive(first, first.length);
    const second = room();
    receive(second, 10);
    const isFirst = (): boolean => byHand(memory.onread()).room().buffer === first.buffer;
    expect(isFirst()).toBe(false);
    memory.hold(second.subarray(5, 10));
    expect(isFirst()).toBe(true);
  });

  it('leaves the head of an answer alone that comes little by little, into two buffers', async () => {
    const memory = new ReceiveBuffers();
    const receive = { onread: memory.onread(), highWaterMark: onePiece };
    // The first answer leaves so little room that the second one's head goes on in another buffer.
    const body = 'x'.repeat(128 * 1024 - 60);
    let answers = 0;
    await using slow = await answering(async (socket) => {
      answers += 1;
      if (answers === 1) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        return;
      }
      for (const part of ['HTTP/1.1 200 OK\r\nX-One: one\r\nX-Two:', ' two\r\nX-Three: th']) {
        socket.write(part);
        await setTimeout(30);
      }
      await other();
      socket.write('ree\r\nContent-Length: 2\r\n\r\nok');
    });
    await using quick = await answering((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${'EVIL'.repeat(50_000)}`);
      return Promise.resolve();
    });
    const clients = [slow, quick].map(
      ({ port }) => new Client(`http://127.0.0.1:${port}`, { connect: receive }),
    );
    const [slowly, quickly] = clients;
    const other = async (): Promise<void> => {
      if (quickly !== undefined) await received(quickly, memory);
    };
    if (slowly === undefined) throw new Error('no client');
    await received(slowly, memory);
    expect(await received(slowly, memory)).toMatchObject({
      'x-one': 'one',
      'x-two': 'two',
      'x-three': 'three',
    });
    for (const client of clients) await client.destroy();
  });

  it('goes on in the same memory although the heads of answers come in between', async () => {
    const layer = noise(1024 * 1024, 'layer');
    await using server = await listening(createHttpServer((_, response) => response.end(layer)));
    const memory = new ReceiveBuffers();
    const receive = { onread: memory.onread(), highWaterMark: onePiece };
    const client = new Client(`http://127.0.0.1:${server.port}`, { connect: receive });
    const places = new Set<ArrayBufferLike>();
    for (let count = 0; count < 16; count += 1) {
      const arriving = new Arriving(memory, undefined);
      client.dispatch({ path: '/', method: 'GET' }, arriving);
      const hash = createHash('sha256');
      for (let piece = await arriving.next(); piece !== undefined; piece = await arriving.next()) {
        places.add(piece.buffer);
        hash.update(piece);
        arriving.release(piece);
      }
      expect(hash.digest('hex')).toBe(createHash('sha256').update(layer).digest('hex'));
    }
    await client.destroy();
    expect(places.size).toBeLessThanOrEqual(5);
  });
});
