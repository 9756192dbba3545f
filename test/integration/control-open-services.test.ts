import { writeFile } from 'node:fs/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { ControlServer } from '../../src/control/control-server.ts';
import { openServices, type OpenServices, type OpenServicesDeps } from '../../src/control/open-services.ts';
import { FolderLock } from '../../src/store/sqlite/folder-lock.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { within } from '../support/deadline.ts';
import { FakeServices } from '../support/fake-services.ts';
import { TempFolder } from '../support/temp-folder.ts';

const clock = systemClock();
const never = new AbortController().signal;

/** What is opened when the folder is this process's own. */
class Stores {
  readonly services = new FakeServices();
  opened = 0;
  closed = 0;

  open(): Promise<OpenServices> {
    this.opened += 1;
    return Promise.resolve({
      services: this.services,
      [Symbol.asyncDispose]: () => {
        this.closed += 1;
        return Promise.resolve();
      },
    });
  }
}

function take(
  folder: TempFolder,
  stores: Stores,
  more: Partial<OpenServicesDeps> = {},
): Promise<OpenServices> {
  const options = { folder: folder.path, open: () => stores.open(), clock, signal: never, ...more };
  return within(60_000, 'the services', openServices(options));
}

describe('a data folder', () => {
  it('is locked where no other process has it, and unlocked at the end', async () => {
    await using folder = await TempFolder.create();
    const stores = new Stores();

    const opened = await take(folder, stores);
    expect(opened.services).toBe(stores.services);
    await expect(FolderLock.take(folder.path)).rejects.toMatchObject({ code: 'IN_USE' });
    await opened[Symbol.asyncDispose]();

    expect(stores).toMatchObject({ opened: 1, closed: 1 });
    (await FolderLock.take(folder.path)).release();
  });

  it('is unlocked when the stores cannot be opened', async () => {
    await using folder = await TempFolder.create();
    const failure = new Error('no good');

    await expect(take(folder, new Stores(), { open: () => Promise.reject(failure) })).rejects.toBe(failure);
    (await FolderLock.take(folder.path)).release();
  });

  it('is shared with the server that has it, which does the work', async () => {
    await using folder = await TempFolder.create();
    const lock = await FolderLock.take(folder.path);
    const stores = new Stores();
    const services = new FakeServices();
    const logger = pino({ level: 'silent' });
    const server = await ControlServer.open({ folder: folder.path, services, clock, logger });

    const opened = await take(folder, stores);
    await opened.services.caretaker.remove('node:20');
    await opened[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    lock.release();

    expect(services.caretaker.calls).toEqual([['remove', 'node:20']]);
    expect(stores.opened).toBe(0);
  });

  it('does not ask the socket that a crash has left', async () => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('control.sock'), '');
    const stores = new Stores();

    const opened = await take(folder, stores);
    await opened[Symbol.asyncDispose]();

    expect(stores.opened).toBe(1);
  });

  it('is waited for while another command has it', async () => {
    await using folder = await TempFolder.create();
    const first = await take(folder, new Stores());
    const stores = new Stores();

    const waiting = take(folder, stores);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(stores.opened).toBe(0);
    await first[Symbol.asyncDispose]();
    await (await waiting)[Symbol.asyncDispose]();

    expect(stores.opened).toBe(1);
  });

  it('is given up when that takes too long', async () => {
    await using folder = await TempFolder.create();
    const first = await take(folder, new Stores());

    await expect(take(folder, new Stores(), { timeLimitMs: 150 })).rejects.toMatchObject({
      name: 'CareError',
      kind: 'unavailable',
      message: expect.stringContaining('another entrepot command') as string,
    });
    await first[Symbol.asyncDispose]();
  });

  it('is not waited for any longer once the user has had enough', async () => {
    await using folder = await TempFolder.create();
    const first = await take(folder, new Stores());
    const interrupted = new AbortController();

    const waiting = take(folder, new Stores(), { signal: interrupted.signal });
    waiting.catch(() => undefined);
    interrupted.abort(new Error('SIGINT'));

    await expect(waiting).rejects.toThrow('SIGINT');
    await first[Symbol.asyncDispose]();
  });
});
