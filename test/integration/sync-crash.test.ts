import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { unlessMissing } from '../../src/store/file-error.ts';
import { Layout } from '../../src/store/filesystem/layout.ts';
import { ask, verdict } from '../support/ask.ts';
import type { Child } from '../support/child.ts';
import { entrepot } from '../support/cli.ts';
import { writeConfigurationFile } from '../support/configuration-file.ts';
import { eventually } from '../support/deadline.ts';
import { repeats } from '../support/depth.ts';
import { EntrepotProcess } from '../support/entrepot-process.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';

const kills = repeats(1, 4);
/** Where no registry answers. */
const nowhere = 'http://127.0.0.1:1';
/** Of the large layer, in bytes: what is sent before a kill, and what of that is on the disk by then. */
const sentBefore = 6_000_000;
const written = 4_000_000;
/** What may be fetched twice after a kill: the rest of that, and the small blobs. */
const fetchedTwice = sentBefore - written + 500_000;

const image = makeImage({ layers: [kills * sentBefore + 2_000_000, 5000] });
const contents = [image.config, ...image.layers];
const large = contents[1] ?? image.config;
const size = contents.reduce((sum, one) => sum + one.size, 0);

function sent(hub: FakeHub): number {
  return contents.reduce((sum, { digest }) => sum + hub.bytesSent(digest), 0);
}

async function sizeOf(file: string): Promise<number> {
  return (await unlessMissing(stat(file)))?.size ?? 0;
}

/** Resolves when a sync that is begun here waits for more of the large layer, a part of which is on the disk. */
async function begun(hub: FakeHub, data: string, begin: () => Child): Promise<Child> {
  const partial = new Layout(data).partial(large.digest);
  const end = (await sizeOf(partial)) + written;
  hub.fault({ on: 'blob', match: large.digest, kind: 'hang-body', afterBytes: sentBefore, times: 1 });
  const command = begin();
  const isThere = async (): Promise<boolean> => (await sizeOf(partial)) >= end;
  await eventually(60_000, 'a part of the layer to be on the disk', isThere);
  return command;
}

test.each(['the command', 'the server'])(
  'a sync goes on after kill -9 of %s, and fetches nothing twice but what was on its way',
  async (killed) => {
    await using hub = await FakeHub.start();
    hub.addImage('library/node', '18', image);
    await using mirror = await EntrepotProcess.start({
      remoteUrl: nowhere,
      sections: { proxy: {}, upstreams: { 'docker.io': { url: nowhere } } },
    });
    const run = () => entrepot(['sync', hub.url, 'node:18', '--config', mirror.configuration], mirror.data);
    for (let kill = 0; kill < kills; kill += 1) {
      const command = await begun(hub, mirror.data, run);
      if (killed === 'the command') command.kill('SIGKILL');
      else mirror.signal('SIGKILL');
      const { code } = await command.exited(60_000);
      expect(code).not.toBe(0);
      if (killed === 'the server') await mirror.restart();
      expect((await ask(mirror.url, '/v2/library/node/manifests/18', { accept: '*/*' })).status).not.toBe(
        200,
      );
    }

    expect((await run().exited(60_000)).code).toBe(0);

    expect(sent(hub)).toBeLessThan(size + kills * fetchedTwice);
    await hub.close();
    const manifest = await ask(mirror.url, '/v2/library/node/manifests/18', { accept: '*/*' });
    expect(verdict(manifest, image.bytes)).toBe('right');
    for (const { digest, bytes } of contents) {
      expect(verdict(await ask(mirror.url, `/v2/library/node/blobs/${digest}`), bytes)).toBe('right');
    }
  },
);

test('a sync without a server goes on after kill -9, too', async () => {
  await using folder = await TempFolder.create();
  await using hub = await FakeHub.start();
  hub.addImage('library/node', '18', image);
  const config = await writeConfigurationFile(folder, { upstreams: { 'docker.io': { url: nowhere } } });
  const run = () => entrepot(['sync', hub.url, 'node:18', '--config', config], folder.path);
  const first = await begun(hub, folder.join('data'), run);
  first.kill('SIGKILL');
  await first.exited(60_000);

  const second = run();
  expect((await second.exited(60_000)).code).toBe(0);
  expect(sent(hub)).toBeLessThan(size + fetchedTwice);
  expect(second.output).toContain('1 of 1 image complete');
});
