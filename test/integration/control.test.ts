import { once } from 'node:events';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, request, type RequestListener, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { pino, type Logger } from 'pino';
import { describe, expect, it } from 'vitest';
import { ControlClient } from '../../src/control/control-client.ts';
import { ControlServer } from '../../src/control/control-server.ts';
import { ListeningSocket } from '../../src/control/listening-socket.ts';
import { RemoteCaretaker } from '../../src/control/remote-caretaker.ts';
import { CareError } from '../../src/mirror/care/care-error.ts';
import type { Caretaker } from '../../src/mirror/care/caretaker.ts';
import type { ImageListing } from '../../src/mirror/care/listings.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually, within } from '../support/deadline.ts';
import { FakeCaretaker, imageListing } from '../support/fake-caretaker.ts';
import { TempFolder } from '../support/temp-folder.ts';

/** A control server on a folder of its own, with a caretaker that does as a test says. */
class House implements AsyncDisposable {
  readonly caretaker = new FakeCaretaker();
  readonly folder: TempFolder;
  readonly #log: string[] = [];
  #server: ControlServer | undefined;

  private constructor(folder: TempFolder) {
    this.folder = folder;
  }

  static async open(): Promise<House> {
    const house = new House(await TempFolder.create());
    await house.serve();
    return house;
  }

  get remote(): Caretaker {
    return new RemoteCaretaker(new ControlClient(this.folder.path));
  }

  get log(): string {
    return this.#log.join('');
  }

  get #logger(): Logger {
    return pino({ level: 'trace' }, { write: (line: string) => void this.#log.push(line) });
  }

  async serve(folder = this.folder.path): Promise<void> {
    this.#server = await ControlServer.open({
      folder,
      caretaker: this.caretaker,
      clock: systemClock(),
      logger: this.#logger,
    });
  }

  async close(): Promise<void> {
    await within(8000, 'the end of the control server', this.#server?.close() ?? Promise.resolve());
    this.#server = undefined;
  }

  /** As another program on this machine would ask. */
  async post(
    path: string,
    body: string,
    method = 'POST',
  ): Promise<{ status: number | undefined; body: string }> {
    const sent = request({ socketPath: this.folder.join('control.sock'), path, method });
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number | undefined;
      body: string;
    }>();
    sent.on('error', reject);
    sent.on('response', (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode, body: answer }), reject);
    });
    sent.end(body);
    return within(5000, `the answer to ${path}`, promise);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.folder.remove();
  }
}

async function gather<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Something else than this version of Entrepot on the socket. */
async function impostor(folder: TempFolder, listener: RequestListener): Promise<AsyncDisposable> {
  const server: Server = createServer(listener);
  server.listen(folder.join('control.sock'));
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Images without end; tells how many were asked for, and whether somebody asked for the last. */
class Endless {
  given = 0;
  ended = false;

  async *images(): AsyncGenerator<ImageListing> {
    try {
      for (;;) {
        this.given += 1;
        // Like a real one, which lets others have a turn.
        if (this.given % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
        yield imageListing(`node:${this.given}`);
      }
    } finally {
      this.ended = true;
    }
  }
}

describe('the control socket', () => {
  it('answers what the caretaker answers, and hands it what is asked', async () => {
    await using house = await House.open();
    const { caretaker, remote } = house;

    expect(await gather(remote.images({ matching: 'node:*' }))).toEqual(caretaker.listings);
    expect(await gather(remote.images())).toEqual(caretaker.listings);
    expect(await gather(remote.usage())).toEqual(caretaker.usages);
    expect(await remote.remove('node:20')).toEqual(await caretaker.removal());
    const prune = { toBytes: 5, unusedMs: null, dryRun: false };
    expect(await gather(remote.prune(prune))).toEqual(caretaker.pruned);
    await remote.pin('node:*');
    expect([await remote.unpin('node:*'), await remote.unpin('nothing')]).toEqual([true, false]);
    expect(await remote.pins()).toEqual(caretaker.pinned);
    expect(await remote.stats()).toEqual(caretaker.numbers);
    expect(await gather(remote.verify({ repair: true }))).toEqual(caretaker.verification);
    const from = { folder: '/var/lib/registry', upstream: null };
    expect(await gather(remote.importRegistry(from))).toEqual(caretaker.imported);

    expect(caretaker.calls).toEqual([
      ['images', { matching: 'node:*' }],
      ['images', { matching: null }],
      ['usage', undefined],
      ['remove', 'node:20'],
      ['prune', prune],
      ['pin', 'node:*'],
      ['unpin', 'node:*'],
      ['unpin', 'nothing'],
      ['pins', undefined],
      ['stats', undefined],
      ['verify', { repair: true }],
      ['importRegistry', from],
    ]);
  });

  it('tells why something was not done', async () => {
    await using house = await House.open();
    house.caretaker.removal = () => Promise.reject(new CareError('pinned', 'node:* pins it'));

    await expect(house.remote.remove('node:20')).rejects.toMatchObject({
      name: 'CareError',
      kind: 'pinned',
      message: 'node:* pins it',
    });
  });

  it('logs what was not expected, and keeps it to itself', async () => {
    await using house = await House.open();
    house.caretaker.removal = () => Promise.reject(new Error('hunter2'));

    await expect(house.remote.remove('node:20')).rejects.toMatchObject({
      kind: 'failed',
      message: expect.not.stringContaining('hunter2') as string,
    });
    expect(house.log).toContain('hunter2');
  });

  it('logs what is changed, and nothing of what is only looked at', async () => {
    await using house = await House.open();

    await gather(house.remote.images());
    await gather(house.remote.prune({ toBytes: 1, unusedMs: null, dryRun: true }));
    await gather(house.remote.verify({ repair: false }));
    expect(house.log).toBe('');
    await house.remote.remove('node:20');
    await eventually(5000, 'the line in the log', () => house.log !== '');
    expect(JSON.parse(house.log)).toMatchObject({ operation: 'remove', image: 'node:20', outcome: 'done' });
  });

  it('asks the caretaker for no more than the client takes, and for nothing once it has left', async () => {
    await using house = await House.open();
    const endless = new Endless();
    house.caretaker.listings = endless.images();

    const images = house.remote.images()[Symbol.asyncIterator]();
    await images.next();
    let before = -1;
    await eventually(10_000, 'a pause', async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const same = before === endless.given;
      before = endless.given;
      return same;
    });
    // What fits into the buffers of two processes; 300 bytes each.
    expect(endless.given).toBeLessThan(20_000);
    expect(endless.ended).toBe(false);
    await images.return?.();
    await eventually(5000, 'the end of the iteration', () => endless.ended);
  });

  it('streams a hundred thousand images in order', async () => {
    await using house = await House.open();
    const count = 100_000;
    house.caretaker.listings = (async function* () {
      for await (const image of new Endless().images()) {
        yield image;
        if (image.tag === String(count)) return;
      }
    })();

    let seen = 0;
    for await (const { tag } of house.remote.images()) {
      seen += 1;
      if (tag !== String(seen)) expect(tag).toBe(String(seen));
    }
    expect(seen).toBe(count);
  });

  it('ends what is under way when the server stops, and says so', async () => {
    await using house = await House.open();
    const endless = new Endless();
    house.caretaker.listings = endless.images();

    const images = house.remote.images()[Symbol.asyncIterator]();
    await images.next();
    const rest = (async () => {
      while ((await images.next()).done !== true);
    })();
    rest.catch(() => undefined);
    await house.close();

    await expect(rest).rejects.toMatchObject({ kind: 'unavailable', message: 'the server was stopped' });
    expect(endless.ended).toBe(true);
  });

  it.each([
    ['/v1/images', 'no json', 400],
    ['/v1/images', '{"matching":5}', 400],
    ['/v1/images', '{"matching":null,"more":1}', 400],
    ['/v1/images', `{"matching":"${'a'.repeat(70_000)}"}`, 400],
    ['/v1/explode', '{}', 404],
    ['/v1/__proto__', '{}', 404],
    ['/v1/', '{}', 404],
  ])('refuses %s with %.30s', async (path, body, status) => {
    await using house = await House.open();

    const answer = await house.post(path, body);

    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { kind: 'invalid' } });
    expect(house.caretaker.calls).toEqual([]);
  });

  it('is asked by POST only', async () => {
    await using house = await House.open();

    expect((await house.post('/v1/stats', '{}', 'GET')).status).toBe(404);
  });
});

describe("the control socket's file", () => {
  it('is for its own user alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await using house = await House.open();

      const { mode } = await stat(house.folder.join('control.sock'));
      expect((mode & 0o777).toString(8)).toBe('600');
      expect(await readdir(house.folder.path)).toEqual(['control.sock']);
    } finally {
      process.umask(before);
    }
  });

  it('cannot be reached by others while it is being made', async () => {
    await using folder = await TempFolder.create();
    await chmod(folder.path, 0o755);
    const server = createServer();
    const seen = Promise.withResolvers<{ mode: number; names: readonly string[] }>();
    server.once('listening', () => {
      Promise.all([stat(folder.join('control.new')), readdir(folder.path)]).then(
        ([{ mode }, names]) => seen.resolve({ mode: mode & 0o777, names }),
        seen.reject,
      );
    });

    const socket = await ListeningSocket.open(server, folder.path);

    expect(await seen.promise).toEqual({ mode: 0o700, names: ['control.new'] });
    await socket.remove();
    server.close();
    await socket.close();
  });

  it('goes with the server', async () => {
    await using house = await House.open();

    await house.close();
    expect(await readdir(house.folder.path)).toEqual([]);
  });

  it('replaces what a crash has left', async () => {
    await using house = await House.open();
    await house.close();
    await writeFile(house.folder.join('control.sock'), '');
    await mkdir(house.folder.join('control.new'));
    await writeFile(house.folder.join('control.new', 's'), '');

    await house.serve();
    expect(await house.remote.unpin('node:*')).toBe(true);
    expect(await readdir(house.folder.path)).toEqual(['control.sock']);
  });

  it.runIf(process.platform === 'linux')('may have a path longer than a socket address', async () => {
    await using folder = await TempFolder.create();
    const deep = folder.join('a'.repeat(120), 'data');
    await mkdir(deep, { recursive: true });
    await using house = await House.open();
    await house.close();

    await house.serve(deep);
    const client = new ControlClient(deep);
    expect(await client.isAnswered()).toBe(true);
    expect(await new RemoteCaretaker(client).unpin('node:*')).toBe(true);
    expect(await readdir(deep)).toEqual(['control.sock']);
    await house.close();
    expect(await readdir(deep)).toEqual([]);
  });

  it('is done without, with a warning, where none can be made', async () => {
    await using house = await House.open();
    await house.close();
    await mkdir(house.folder.join('control.sock'));

    await house.serve();
    expect(house.log).toContain('no control socket can be made');
    expect(house.log.trim().split('\n')).toHaveLength(1);
    expect(await readdir(house.folder.path)).toEqual(['control.sock']);
    await house.close();
  });
});

describe('a command that asks a server', () => {
  it('of another version is told so', async () => {
    await using folder = await TempFolder.create();
    await using _ = await impostor(folder, (_request, response) => {
      response.writeHead(404, { Server: 'entrepot/9.9.9' }).end('{}');
    });

    await expect(new RemoteCaretaker(new ControlClient(folder.path)).stats()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/entrepot\/9\.9\.9.*"stats".*restart/) as string,
    });
  });

  it.each([
    ['{"item":{"future":true}}\n{"end":true}\n', /another version .* not understood/],
    ['<html>\n', /does not understand/],
    ['{"item":', /ended before/],
    ['', /ended before/],
    ['{"end":true}\n', /gave no answer/],
  ])('that answers %j is not believed', async (body, message) => {
    await using folder = await TempFolder.create();
    await using _ = await impostor(folder, (_request, response) => {
      response.end(body);
    });

    await expect(new RemoteCaretaker(new ControlClient(folder.path)).stats()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(message) as string,
    });
  });

  it('understands an answer however it is cut into pieces', async () => {
    await using folder = await TempFolder.create();
    const answer = Buffer.from(
      [
        { item: imageListing('node:20', { pinnedBy: 'ünïcode' }) },
        { item: imageListing('node:22') },
        { end: true },
      ]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
    await using _ = await impostor(folder, (_request, response) => {
      void (async () => {
        for (const byte of answer) {
          response.write(Buffer.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
        response.end();
      })();
    });

    const images = await gather(new RemoteCaretaker(new ControlClient(folder.path)).images());
    expect(images.map(({ image, pinnedBy }) => [image, pinnedBy])).toEqual([
      ['node:20', 'ünïcode'],
      ['node:22', null],
    ]);
  });

  it('that is killed in mid-operation says so', async () => {
    await using folder = await TempFolder.create();
    await using _ = await impostor(folder, (incoming, response) => {
      response.write(`{"item":${JSON.stringify(imageListing('node:20'))}}\n`, () =>
        incoming.socket.destroy(),
      );
    });

    const images = new RemoteCaretaker(new ControlClient(folder.path)).images()[Symbol.asyncIterator]();
    await images.next();
    await expect(within(5000, 'an end', images.next())).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'the server ended before this was done',
    });
  });

  it('ends when it is interrupted, also while the server says nothing', async () => {
    await using folder = await TempFolder.create();
    await using _ = await impostor(folder, () => undefined);
    const interrupted = new AbortController();
    const reason = new Error('SIGINT');

    const asked = new RemoteCaretaker(new ControlClient(folder.path, interrupted.signal)).stats();
    asked.catch(() => undefined);
    setTimeout(() => interrupted.abort(reason), 50);
    await expect(within(5000, 'an end', asked)).rejects.toBe(reason);
  });
});
