import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unlessMissing } from '../../src/store/file-error.ts';
import { Child } from '../support/child.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, makeIndex, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { SmallDisk } from './support/small-disk.ts';
import { skopeoCopy, skopeoReference } from './support/skopeo.ts';

const mib = 1024 * 1024;

/** What a command printed, and how it ended. */
interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A running mirror whose cache has one image. */
class Holder implements AsyncDisposable {
  readonly mirror: Entrepot;
  readonly hub: FakeHub;
  readonly folder: TempFolder;
  readonly #closing: AsyncDisposableStack;

  private constructor(
    { mirror, hub, folder }: Pick<Holder, 'mirror' | 'hub' | 'folder'>,
    closing: AsyncDisposableStack,
  ) {
    this.mirror = mirror;
    this.hub = hub;
    this.folder = folder;
    this.#closing = closing;
  }

  static async open(image: Image): Promise<Holder> {
    await using closing = new AsyncDisposableStack();
    const hub = closing.use(await FakeHub.start());
    const folder = closing.use(await TempFolder.create());
    hub.addImage('library/app', '1', image);
    const mirror = closing.use(
      await Entrepot.start({ sections: { upstreams: { 'docker.io': { url: hub.url } } } }),
    );
    await skopeoCopy(skopeoReference(mirror.url, 'library/app:1'), `dir:${folder.join('pulled')}`);
    return new Holder({ mirror, hub, folder }, closing.move());
  }

  /** A shell command in which `$E` is entrepot, and `$C` what it is to be given. */
  async run(line: string): Promise<Outcome> {
    await using child = this.start(line);
    const { code } = await child.exited(120_000);
    return { code, out: child.stdout, err: child.stderr };
  }

  start(line: string): Child {
    const env = {
      ...process.env,
      E: `${process.execPath} ${entrepotMain}`,
      C: `--config ${this.mirror.configuration}`,
    };
    return new Child('bash', ['-c', `set -o pipefail; ${line}`], { env, cwd: this.folder.path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await unlessMissing(stat(path)))?.size ?? 0;
}

test('an export beside the server has the same bytes as one without', async () => {
  await using holder = await Holder.open(makeImage({ oci: true, layers: [3 * mib, 100] }));
  expect(await holder.run('$E export $C -o beside.tar app:1')).toMatchObject({ code: 0 });
  await holder.mirror.stop();
  expect(await holder.run('$E export $C -o - app:1 | cmp - beside.tar')).toMatchObject({ code: 0, out: '' });
  expect(await holder.run('$E verify beside.tar')).toMatchObject({ code: 0 });
});

test('a disk that fills up leaves nothing that looks finished, and once there is room it goes on', async () => {
  await using holder = await Holder.open(makeImage({ oci: true, layers: [mib, 3 * mib, mib] }));
  await using disk = await SmallDisk.tmpfs({ mebibytes: 8 });
  await disk.fill(3 * mib);

  const command = `$E export $C -o ${disk.path}/out/ app:1`;
  const { code, err } = await holder.run(command);

  expect(code).toBe(1);
  expect(err).toMatch(
    /cannot write .*app_1\.tar: no space is left; once there is some, the same command goes on/u,
  );
  expect(await readdir(join(disk.path, 'out'))).toEqual(['docker.io_library_app_1.tar.partial']);
  await disk.free();
  expect(await holder.run(command)).toMatchObject({ code: 0, err: '' });
  expect(await readdir(join(disk.path, 'out'))).toEqual(['docker.io_library_app_1.tar']);
  expect(await holder.run(`$E verify ${disk.path}/out`)).toMatchObject({ code: 0 });
});

test('a folder that cannot be written to is named', async () => {
  await using holder = await Holder.open(makeImage({ oci: true }));
  await using disk = await SmallDisk.tmpfs({ mebibytes: 8 });
  await mkdir(join(disk.path, 'out'));
  await disk.remount('ro');
  const { code, err } = await holder.run(`$E export $C -o ${disk.path}/out/ app:1`);
  expect(code).toBe(1);
  expect(err).toContain(
    `cannot write ${disk.path}/out/docker.io_library_app_1.tar: the file system is read-only`,
  );
  expect(await holder.run('$E export $C -o absent/all.tar app:1')).toMatchObject({
    code: 1,
    err: expect.stringContaining('there is no such folder') as string,
  });
});

test('a pipe that closes ends it, without a stack trace', async () => {
  await using holder = await Holder.open(makeImage({ oci: true, layers: [20 * mib] }));
  const { code, err } = await holder.run('$E export $C -o - app:1 | head -c 100000 >some');
  expect(code).toBe(1);
  expect(err).toBe('entrepot: cannot write the standard output: nothing reads it any more\n');
});

test.each(['SIGKILL', 'SIGINT'] as const)('after %s the same command goes on', async (signal) => {
  await using holder = await Holder.open(makeImage({ oci: true, layers: Array(12).fill(10 * mib) }));
  const partial = holder.folder.join('all.tar.002.partial');
  const command = 'exec $E export $C -o all.tar --size 32MiB app:1';
  await using child = holder.start(command);
  await eventually(60_000, 'the second part has begun', async () => (await sizeOf(partial)) > 0);
  child.kill(signal);
  await child.exited();
  const left = (await readdir(holder.folder.path)).filter((name) => name.startsWith('all.'));
  expect(left.filter((name) => !name.endsWith('.partial'))).toEqual([]);

  expect(await holder.run(command)).toMatchObject({ code: 0 });

  const parts = ['001', '002', '003', '004'].map((number) => `all.tar.${number}`);
  const all = (await readdir(holder.folder.path)).filter((name) => name.startsWith('all.'));
  expect(all.toSorted()).toEqual(['all.sha256', ...parts]);
  expect(await holder.run('sha256sum --quiet --check all.sha256 && $E verify all.tar.001')).toMatchObject({
    code: 0,
  });
  expect(await holder.run('$E export $C -o - app:1 | cmp - <(cat all.tar.*)')).toMatchObject({ code: 0 });
});

test('what is exported is not evicted meanwhile', async () => {
  await using holder = await Holder.open(makeImage({ oci: true, layers: [30 * mib, 30 * mib] }));
  // The pipe stays full until the image would have been evicted.
  await using child = holder.start(
    '$E export $C -o - app:1 | (head -c 1000000; until [ -e go ]; do sleep 0.1; done; cat) >all.tar',
  );
  await eventually(60_000, 'some of it', async () => (await sizeOf(holder.folder.join('all.tar'))) > 0);
  const { out } = await holder.run('$E prune $C --to 0; touch go');
  expect(out).not.toContain('app');
  expect((await child.exited()).code).toBe(0);
  expect(await holder.run('$E verify all.tar')).toMatchObject({ code: 0 });
});

test('what is exported is whole in another Entrepot, in parts and with what an earlier bundle has', async () => {
  const oci = true;
  const first = makeImage({ oci, layers: [2 * mib, 500] });
  const index = makeIndex([makeImage({ oci, layers: [2 * mib, 700] }), makeImage({ oci, seed: 2 })], { oci });
  await using holder = await Holder.open(first);
  holder.hub.addImage('library/app', '2', index);
  const pulled = skopeoReference(holder.mirror.url, 'library/app:2');
  await skopeoCopy(pulled, `dir:${holder.folder.join('again')}`, '--all');
  expect(await holder.run('$E export $C -o old.tar --size 1MiB app:1')).toMatchObject({ code: 0 });
  const second = '$E export $C -o new.tar --since old.tar.001 --platform all app:2';
  expect(await holder.run(second)).toMatchObject({ code: 0 });

  await writeFile(
    holder.folder.join('b.yml'),
    'version: 0.1\nstorage: { filesystem: { rootdirectory: b } }\nproxy: {}\n',
  );
  const other = '--config b.yml';
  expect(await holder.run(`$E import ${other} new.tar`)).toMatchObject({
    code: 1,
    err: expect.stringContaining('which an earlier bundle has: import that one first') as string,
  });
  expect(await holder.run(`$E import ${other} old.tar.002 new.tar`)).toMatchObject({ code: 0 });
  const sealed = await holder.run(`$E verify --sealed ${other} --platform all app:1 app:2`);
  expect(sealed).toMatchObject({ code: 0, out: expect.stringContaining('2 images complete') as string });
  // The same images make the same bytes, wherever they came from.
  expect(await holder.run(`$E export ${other} -o - app:1 | cmp - <(cat old.tar.*)`)).toMatchObject({
    code: 0,
  });
});
