import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ControlClient } from '../../src/control/control-client.ts';
import { remoteCaretaker } from '../../src/control/remote-caretaker.ts';
import { within } from '../support/deadline.ts';
import { imageListing } from '../support/fake-caretaker.ts';
import { TempFolder } from '../support/temp-folder.ts';

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

describe('a command that asks a server', () => {
  it('of another version is told so', async () => {
    await using folder = await TempFolder.create();
    await using _ = await impostor(folder, (_request, response) => {
      response.writeHead(404, { Server: 'entrepot/9.9.9' }).end('{}');
    });

    await expect(remoteCaretaker(new ControlClient(folder.path)).stats()).rejects.toMatchObject({
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

    await expect(remoteCaretaker(new ControlClient(folder.path)).stats()).rejects.toMatchObject({
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

    const images = await Array.fromAsync(remoteCaretaker(new ControlClient(folder.path)).images());
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

    const images = remoteCaretaker(new ControlClient(folder.path)).images()[Symbol.asyncIterator]();
    await images.next();
    await expect(within(60_000, 'an end', images.next())).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'the server ended before this was done',
    });
  });

  it('ends when it is interrupted, also while the server says nothing', async () => {
    await using folder = await TempFolder.create();
    await using _ = await impostor(folder, () => undefined);
    const interrupted = new AbortController();
    const reason = new Error('SIGINT');

    const asked = remoteCaretaker(new ControlClient(folder.path, interrupted.signal)).stats();
    asked.catch(() => undefined);
    setTimeout(() => interrupted.abort(reason), 50);
    await expect(within(60_000, 'an end', asked)).rejects.toBe(reason);
  });
});
