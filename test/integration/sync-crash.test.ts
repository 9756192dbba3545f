import { expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { entrepot } from '../support/cli.ts';
import { writeConfigurationFile } from '../support/configuration-file.ts';
import { eventually } from '../support/deadline.ts';
import { repeats } from '../support/depth.ts';
import { EntrepotProcess } from '../support/entrepot-process.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';

const kills = repeats(1, 8);
/** Where no registry answers. */
const nowhere = 'http://127.0.0.1:1';
/** What is on its way to the disk at a time, of each of four blobs. */
const onItsWay = 4 * 1_200_000;

const image = makeImage({ layers: [6_000_000, 3_000_000, 5000] });
const contents = [image.config, ...image.layers];
const size = contents.reduce((sum, one) => sum + one.size, 0);

function sent(hub: FakeHub): number {
  return contents.reduce((sum, { digest }) => sum + hub.bytesSent(digest), 0);
}

async function expectImage(url: string, right: Image): Promise<void> {
  expect(verdict(await ask(url, '/v2/library/node/manifests/18', { accept: '*/*' }), right.bytes)).toBe(
    'right',
  );
  for (const { digest, bytes } of contents) {
    expect(verdict(await ask(url, `/v2/library/node/blobs/${digest}`), bytes)).toBe('right');
  }
}

test.each(['the command', 'the server'])(
  'a sync goes on after kill -9 of %s, and fetches nothing twice but what was on its way',
  async (killed) => {
    await using hub = await FakeHub.start({ sharedBytesPerSecond: 6_000_000 });
    hub.addImage('library/node', '18', image);
    await using mirror = await EntrepotProcess.start({
      remoteUrl: nowhere,
      sections: { proxy: {}, upstreams: { 'docker.io': { url: nowhere } } },
    });
    const run = () => entrepot(['sync', hub.url, 'node:18', '--config', mirror.configuration], mirror.data);
    for (let kill = 0; kill < kills; kill += 1) {
      const end = Math.min(sent(hub) + 3_000_000, size - 1_000_000);
      const command = run();
      await eventually(60_000, 'a part of the image to be sent', () => sent(hub) >= end);
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

    expect(sent(hub)).toBeLessThan(size + kills * onItsWay);
    await hub.close();
    await expectImage(mirror.url, image);
  },
);

test('a sync without a server goes on after kill -9, too', async () => {
  await using folder = await TempFolder.create();
  await using hub = await FakeHub.start({ sharedBytesPerSecond: 6_000_000 });
  hub.addImage('library/node', '18', image);
  const config = await writeConfigurationFile(folder, { upstreams: { 'docker.io': { url: nowhere } } });
  const run = () => entrepot(['sync', hub.url, 'node:18', '--config', config], folder.path);
  const first = run();
  await eventually(60_000, 'a part of the image to be sent', () => sent(hub) >= 5_000_000);
  first.kill('SIGKILL');
  await first.exited(60_000);

  const second = run();
  expect((await second.exited(60_000)).code).toBe(0);
  expect(sent(hub)).toBeLessThan(size + onItsWay);
  expect(second.output).toContain('1 of 1 image complete');
});
