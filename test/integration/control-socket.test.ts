import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ControlClient } from '../../src/control/control-client.ts';
import { listenInFolder } from '../../src/control/listen-in-folder.ts';
import { remoteCaretaker } from '../../src/control/remote-caretaker.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { ControlFixture } from '../support/control-fixture.ts';

describe("the control socket's file", () => {
  it('is for its own user alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await using fixture = await ControlFixture.open();

      const { mode } = await stat(fixture.folder.join('control.sock'));
      expect((mode & 0o777).toString(8)).toBe('600');
      expect(await readdir(fixture.folder.path)).toEqual(['control.sock']);
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

    const socket = await listenInFolder(server, folder.path);

    expect(await seen.promise).toEqual({ mode: 0o700, names: ['control.new'] });
    server.close();
    await socket[Symbol.asyncDispose]();
  });

  it('goes with the server', async () => {
    await using fixture = await ControlFixture.open();

    await fixture.close();
    expect(await readdir(fixture.folder.path)).toEqual([]);
  });

  it('replaces what a crash has left', async () => {
    await using fixture = await ControlFixture.open();
    await fixture.close();
    await writeFile(fixture.folder.join('control.sock'), '');
    await mkdir(fixture.folder.join('control.new'));
    await writeFile(fixture.folder.join('control.new', 's'), '');

    await fixture.serve();
    expect(await fixture.remote.unpin('node:*')).toBe(true);
    expect(await readdir(fixture.folder.path)).toEqual(['control.sock']);
  });

  it.runIf(process.platform === 'linux')('may have a path longer than a socket address', async () => {
    await using folder = await TempFolder.create();
    const deep = folder.join('a'.repeat(120), 'data');
    await mkdir(deep, { recursive: true });
    await using fixture = await ControlFixture.open();
    await fixture.close();

    await fixture.serve(deep);
    const client = new ControlClient(deep);
    expect(await client.isAnswered()).toBe(true);
    expect(await remoteCaretaker(client).unpin('node:*')).toBe(true);
    expect(await readdir(deep)).toEqual(['control.sock']);
    await fixture.close();
    expect(await readdir(deep)).toEqual([]);
  });

  it('is done without, with a warning, where none can be made', async () => {
    await using fixture = await ControlFixture.open();
    await fixture.close();
    await mkdir(fixture.folder.join('control.sock'));

    await fixture.serve();
    expect(fixture.log).toContain('no control socket can be made');
    expect(fixture.log.trim().split('\n')).toHaveLength(1);
    expect(await readdir(fixture.folder.path)).toEqual(['control.sock']);
    await fixture.close();
  });
});
