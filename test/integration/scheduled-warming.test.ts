import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ControlClient } from '../../src/control/control-client.ts';
import { remoteServices } from '../../src/control/remote-services.ts';
import { parseImageReference } from '../../src/oci/image-reference.ts';
import { ask, verdict } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const listed = makeImage({ seed: 1 });
const filed = makeImage({ seed: 2 });

test('what is configured to be warmed is there soon after the start, and is not fetched again by a restart', async () => {
  await using hub = await FakeHub.start();
  hub.addImage('library/node', '20', listed);
  hub.addImage('library/python', '3', filed);
  await using folder = await TempFolder.create();
  const file = folder.join('images.txt');
  await writeFile(file, 'python:3\nmysql:8\n');
  const node = parseImageReference('node:20') ?? expect.fail('an image');
  await using entrepot = await TestEntrepot.start({
    upstream: hub.url,
    warm: {
      images: [node],
      files: [file],
      schedule: '0 0 1 1 *',
      timezone: undefined,
      platforms: 'all',
      referrers: false,
      pin: true,
      jitter: 0,
    },
  });
  const { caretaker } = remoteServices(new ControlClient(entrepot.folder));
  await eventually(60_000, 'the end of the run', () => entrepot.log.includes('scheduled warming ended'));

  expect((await caretaker.stats()).server?.nextWarmAt).toBeGreaterThan(entrepot.clock.now());
  expect(entrepot.log).toMatch(/"image":"docker.io\/library\/mysql:8".*could not be warmed whole/u);
  expect((await caretaker.pins()).map(({ pattern }) => pattern)).toContain('docker.io/library/node:20');
  hub.clearLog();
  hub.down();
  for (const [name, { layers }] of [['library/node', listed] as const, ['library/python', filed] as const]) {
    for (const { digest, bytes } of layers)
      expect(verdict(await ask(entrepot.url, `/v2/${name}/blobs/${digest}`), bytes)).toBe('right');
  }

  await hub.up();
  await entrepot.restart();
  expect(
    (await remoteServices(new ControlClient(entrepot.folder)).caretaker.stats()).server?.nextWarmAt,
  ).toBeGreaterThan(entrepot.clock.now() + 60_000);
  expect(hub.requests).toEqual([]);
});
