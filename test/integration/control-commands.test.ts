import { chown, lchown, readdir, readFile, rename, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import type { Child } from '../support/child.ts';
import { entrepot } from '../support/cli.ts';
import { eventually } from '../support/deadline.ts';
import { EntrepotProcess } from '../support/entrepot-process.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';

const image = makeImage({ layers: [100_000] });

/** A server as a process, with an image in its cache. */
class Fixture implements AsyncDisposable {
  readonly server: EntrepotProcess;
  readonly #closing: AsyncDisposableStack;

  private constructor(server: EntrepotProcess, closing: AsyncDisposableStack) {
    this.server = server;
    this.#closing = closing;
  }

  static async open(): Promise<Fixture> {
    await using closing = new AsyncDisposableStack();
    const hub = closing.use(await FakeHub.start());
    hub.addImage('library/hello', 'v1', image);
    const server = closing.use(await EntrepotProcess.start({ remoteUrl: hub.url }));
    for (const { path, bytes } of [
      { path: 'manifests/v1', bytes: image.bytes },
      ...[image.config, ...image.layers].map((blob) => ({ path: `blobs/${blob.digest}`, bytes: blob.bytes })),
    ]) {
      const got = verdict(await ask(server.url, `/v2/library/hello/${path}`), bytes);
      if (got !== 'right') throw new Error(`${path}: ${got}`);
    }
    return new Fixture(server, closing.move());
  }

  command(...args: readonly string[]): Child {
    return this.#closing.use(entrepot([...args, '--config', this.server.configuration], tmpdir()));
  }

  /** Runs a command to its end. */
  async run(...args: readonly string[]) {
    const child = this.command(...args);
    const { code } = await child.exited();
    return { code, out: child.stdout, err: child.stderr };
  }

  /** Resolves when a command waits for an answer of a server that has been suspended. */
  async asked(): Promise<void> {
    const path = `${this.server.data}/control.new/s`;
    await eventually(60_000, 'a command that waits', async () => {
      const sockets = (await readFile('/proc/net/unix', 'utf8')).split('\n');
      // The one that listens, one to see whether somebody does, and the question.
      return sockets.filter((line) => line.endsWith(path)).length === 3;
    });
  }

  async stop(): Promise<void> {
    this.server.signal('SIGTERM');
    await this.server.exited(20_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}

describe('a command', { timeout: 120_000 }, () => {
  it('says the same while the server runs and while it does not', async () => {
    await using fixture = await Fixture.open();
    const row = /^library\/hello:v1 +sha256:[0-9a-f]{12} +\d+ KiB +all +(?:now|\dm ago)$/m;

    const running = await fixture.run('ls');
    expect(running).toMatchObject({ code: 0, err: '', out: expect.stringMatching(row) as string });
    await fixture.stop();
    const stopped = await fixture.run('ls');
    expect(stopped).toMatchObject({ code: 0, err: '', out: expect.stringMatching(row) as string });
    // Nothing of theirs stays, and the server starts as if nothing had been.
    expect(await readdir(fixture.server.data)).not.toContain('control.sock');
    await fixture.server.restart();
    expect((await fixture.run('rm', 'hello:v1')).out).toMatch(
      /^removed library\/hello:v1: 1 manifest, 2 blobs/,
    );
    // The log is written in batches.
    await eventually(60_000, 'the line in the log', () => /"operation":"remove"/.test(fixture.server.output));
  });

  it('waits for another one', async () => {
    await using fixture = await Fixture.open();
    await fixture.stop();

    const all = await Promise.all([
      fixture.run('verify'),
      fixture.run('pin', 'hello'),
      fixture.run('du', '--json'),
    ]);
    expect(all.map(({ code, err }) => `${code} ${err.replaceAll(/^\d+ %.*\n/gm, '')}`)).toEqual([
      '0 ',
      '0 ',
      '0 ',
    ]);
  });

  it('says that the server was killed in mid-operation', async () => {
    await using fixture = await Fixture.open();

    // As one that is busy: the system takes connections for it.
    fixture.server.signal('SIGSTOP');
    const child = fixture.command('stats');
    await fixture.asked();
    fixture.server.signal('SIGKILL');
    expect((await child.exited()).code).toBe(1);
    expect(child.output).toBe('entrepot: the server ended before this was done\n');
    expect((await fixture.run('ls')).out).toContain('library/hello:v1');
  });

  it('ends on Ctrl-C', async () => {
    await using fixture = await Fixture.open();

    fixture.server.signal('SIGSTOP');
    const child = fixture.command('stats');
    await fixture.asked();
    child.kill('SIGINT');
    expect((await child.exited()).code).toBe(1);
    expect(child.output).toBe('entrepot: interrupted\n');
    fixture.server.signal('SIGCONT');
    expect((await fixture.run('stats')).code).toBe(0);
  });

  it.runIf(process.getuid?.() === 0)("as root leaves another user's cache alone", async () => {
    await using fixture = await Fixture.open();
    await fixture.stop();
    const database = `${fixture.server.data}/metadata.sqlite`;
    const refused = async (): Promise<void> => {
      const { code, err } = await fixture.run('ls');
      expect(code).toBe(1);
      expect(err).toMatch(
        /^entrepot: the cache in .*data belongs to another user: .*sudo -u '#1000' entrepot …"\n$/,
      );
    };

    await chown(database, 1000, 1000);
    await refused();
    await chown(database, 0, 0);
    await rename(database, `${database}.root`);
    await symlink(`${database}.root`, database);
    await lchown(database, 1000, 1000);
    await refused();
  });
});
