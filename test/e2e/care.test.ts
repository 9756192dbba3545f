import { open, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { Child } from '../support/child.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { assembleImage, makeIndex, noise, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { skopeoCopy, skopeoReference } from './support/skopeo.ts';

const base = noise(3_000_000, 'base');

function imageOf(seed: string): Image {
  return assembleImage([base, noise(1_000_000, seed)], { seed }, true);
}

const node20 = imageOf('node 20');
const node22 = imageOf('node 22');
const app = makeIndex([imageOf('app amd64'), imageOf('app arm64')], { oci: true });

/** What a command prints and how it ends. */
interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A mirror in whose cache skopeo has put three images, and somebody who runs commands. */
class Classroom implements AsyncDisposable {
  readonly mirror: Entrepot;
  readonly hub: FakeHub;
  readonly #folder: TempFolder;
  readonly #closing: AsyncDisposableStack;

  private constructor(mirror: Entrepot, hub: FakeHub, folder: TempFolder, closing: AsyncDisposableStack) {
    this.mirror = mirror;
    this.hub = hub;
    this.#folder = folder;
    this.#closing = closing;
  }

  static async open(): Promise<Classroom> {
    await using closing = new AsyncDisposableStack();
    const hub = closing.use(await FakeHub.start());
    const folder = closing.use(await TempFolder.create());
    const mirror = closing.use(
      await Entrepot.start({ sections: { upstreams: { 'docker.io': { url: hub.url } }, pin: ['acme/*'] } }),
    );
    hub.addImage('library/node', '20', node20);
    hub.addImage('library/node', '22', node22);
    hub.addImage('acme/app', '1', app);
    const room = new Classroom(mirror, hub, folder, closing.move());
    await room.pull('library/node:20');
    await room.pull('library/node:22');
    await room.pull('acme/app:1', '--all');
    return room;
  }

  async pull(image: string, ...options: readonly string[]): Promise<void> {
    const to = `dir:${this.#folder.join(image.replaceAll(/[/:]/g, '-'))}`;
    await skopeoCopy(skopeoReference(this.mirror.url, image), to, ...options);
  }

  run(command: string): Promise<Outcome> {
    return run(command, this.mirror.configuration);
  }

  /** The images that `ls` lists. */
  async listed(): Promise<readonly string[]> {
    const { out } = await this.run('ls --json');
    return out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly image: string }).image);
  }

  /** The file of a blob in the data folder. */
  blob(digest: string): string {
    const [, algorithm = '', shard = '', rest = ''] = /^(\w+):(..)(.+)$/.exec(digest) ?? [];
    return `${this.data}/blobs/${algorithm}/${shard}/${shard}${rest}`;
  }

  get data(): string {
    return this.mirror.configuration.replace(/config\.yml$/, 'data');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}

async function run(command: string, configuration: string): Promise<Outcome> {
  const args = [entrepotMain, ...command.split(' '), '--config', configuration];
  await using child = new Child(process.execPath, args, { cwd: tmpdir(), deadlineMs: 60_000 });
  const { code } = await child.exited();
  return { code, out: child.stdout, err: child.stderr };
}

async function damage(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.write(Buffer.from('not what it was'), 0, 15, 500_000);
  } finally {
    await handle.close();
  }
}

const all = ['acme/app:1', 'library/node:20', 'library/node:22'];

test.each([
  ['while the server runs', true],
  ['while it does not', false],
])(
  'what skopeo pulled is listed, measured, pinned, verified, pruned and removed %s',
  async (_when, serves) => {
    await using room = await Classroom.open();
    if (!serves) await room.mirror.stop();

    const ls = await room.run('ls');
    expect(ls).toMatchObject({ code: 0, err: '' });
    expect(ls.out.split('\n').map((line) => line.replace(/ +/g, ' ').replace(/\d+m ago/, 'now'))).toEqual([
      'IMAGE DIGEST SIZE LAYERS LAST USED PINNED',
      `acme/app:1 ${app.digest.slice(0, 19)} 4 MiB all now acme/*`,
      `library/node:20 ${node20.digest.slice(0, 19)} 3 MiB all now`,
      `library/node:22 ${node22.digest.slice(0, 19)} 3 MiB all now`,
      '',
    ]);
    const du = await room.run('du');
    expect(du.out.replaceAll(/ +/g, ' ')).toMatch(/^acme\/app 1 3 1 MiB 2 MiB 4 MiB$/m);
    expect(du.out.replaceAll(/ +/g, ' ')).toMatch(/^library\/node 2 2 1 MiB 2 MiB 4 MiB$/m);
    expect(du.out.replaceAll(/ +/g, ' ')).toMatch(/^all together 3 5 3 MiB 2 MiB 6 MiB$/m);
    const stats = await room.run('stats');
    expect(stats.out).toMatch(/^cached +6 MiB in \d+ blobs$/m);
    expect(stats.out).toMatch(serves ? /^server +running for /m : /^server +not running$/m);

    expect(await room.run('pin node:22')).toEqual({ code: 0, out: 'pinned node:22\n', err: '' });
    expect((await room.run('pin')).out).toMatch(/^acme\/\* +in the configuration$/m);
    expect(await room.run('rm node:22')).toMatchObject({ code: 1, out: '' });
    const dry = await room.run('prune --to 1 --dry-run');
    expect(dry.out).toMatch(/^library\/node:20 +\d+ KiB/m);
    expect(dry.out).toMatch(/^1 image, \d+ KiB would be freed$/m);
    expect(await room.listed()).toEqual(all);

    const damaged = room.blob(node20.layers[1]?.digest ?? '');
    await damage(damaged);
    const found = await room.run('verify');
    expect(found.code).toBe(1);
    expect(found.out).toMatch(/^damaged: [^]*library\/node:20[^]*1 damaged/);
    expect((await room.run('verify --repair')).out).toMatch(/1 damaged; 1 repaired$/m);
    expect(await room.run('verify')).toMatchObject({
      code: 0,
      out: expect.stringContaining('all is well') as string,
    });
    await expect(stat(damaged)).rejects.toMatchObject({ code: 'ENOENT' });

    const pruned = await room.run('prune --to 1');
    expect(pruned).toMatchObject({ code: 0, err: '' });
    expect(await room.listed()).toEqual(['acme/app:1', 'library/node:22']);
    expect((await room.run('unpin node:22')).out).toBe('unpinned node:22\n');
    expect((await room.run('rm node:22')).out).toMatch(/^removed library\/node:22: 1 manifest, 2 blobs, /);
    await expect(stat(room.blob(node22.layers[1]?.digest ?? ''))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await room.listed()).toEqual(['acme/app:1']);
    expect((await readdir(room.data)).includes('control.sock')).toBe(serves);

    // What is gone comes again, and what stayed needs nobody.
    if (!serves) await room.mirror.restart();
    await room.pull('library/node:22');
    room.hub.down();
    await room.pull('acme/app:1', '--all');
    await room.pull('library/node:22');
  },
);

test.each([
  ['while the server runs', true],
  ['while it does not', false],
])('what registry:2 stored is taken over, and served when that is gone, %s', async (_when, serves) => {
  const registry = await DockerRegistry.start();
  await using folder = await TempFolder.create();
  await using mirror = await Entrepot.start(registry.url);
  await registry.push('acme/app', '1', app);
  if (!serves) await mirror.stop();

  const imported = await run(`import registry:${registry.folder}/data`, mirror.configuration);
  expect(imported).toMatchObject({ code: 0 });
  expect(imported.out).toMatch(/^took over 1 repository, 1 tag, 5 blobs of 4 MiB: /m);
  await registry.stop();
  if (!serves) await mirror.restart();
  await skopeoCopy(skopeoReference(mirror.url, 'acme/app:1'), `dir:${folder.join('app')}`, '--all');
});
