import { truncate } from 'node:fs/promises';
import { expect, it, onTestFinished } from 'vitest';
import { assembleImage, noise } from '../../../support/image.ts';
import { blobsOf, ExportFixture, type Run } from '../../../support/export-fixture.ts';
import { jsonIn, tarEntries } from '../../../support/tar-entries.ts';

const base = noise(1_500_000, 'base');
const before = assembleImage([base, noise(5000, 'before')], { seed: 'before' }, true);
const after = assembleImage([base, noise(6000, 'after')], { seed: 'after' }, true);

/** A cache with both images, the first of which is in `old.tar`. */
async function cache(size?: number): Promise<ExportFixture> {
  const fixture = await ExportFixture.open();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  await fixture.cache.hold(before, 'library/app', '1');
  await fixture.cache.hold(after, 'library/app', '2');
  const options = { output: fixture.path('old.tar'), ...(size === undefined ? {} : { size }) };
  expect(await fixture.export(['app:1'], options)).toMatchObject({ code: 0 });
  return fixture;
}

function since(fixture: ExportFixture, earlier: string): Promise<Run> {
  return fixture.export(['app:2'], { output: fixture.path('new.tar'), since: [fixture.path(earlier)] });
}

it.each([
  ['file', undefined, 'old.tar'],
  ['part', 1024 * 1024, 'old.tar.001'],
  ['folder', undefined, '.'],
])('leaves out what an earlier bundle has, given as a %s', async (_, size, earlier) => {
  const fixture = await cache(size);
  const { code, err } = await since(fixture, earlier);
  expect(code).toBe(0);
  expect(err).toContain('note: new.tar: only entrepot import reads this');
  const entries = tarEntries(await fixture.read('new.tar'));
  const [shared] = after.layers;
  const rest = [after, ...blobsOf(after)].filter((blob) => blob !== shared);
  // No tool but Entrepot is to take it for an image.
  expect(entries.map(({ name }) => name)).toEqual([
    'oci-layout',
    'entrepot.json',
    ...rest.map(({ digest }) => `blobs/${digest.replace(':', '/')}`),
  ]);
  expect(jsonIn(entries, 'entrepot.json')).toMatchObject({
    omitted: [{ digest: shared?.digest, size: base.length }],
  });
});

it('is an archive like any other if the earlier bundle has nothing of it', async () => {
  const fixture = await cache();
  const other = assembleImage([noise(3000, 'other')], { seed: 'other' }, true);
  await fixture.cache.hold(other, 'library/other', '1');
  const options = { output: fixture.path('new.tar'), since: [fixture.path('old.tar')] };
  expect(await fixture.export(['other:1'], options)).toMatchObject({ code: 0, err: '' });
  expect(tarEntries(await fixture.read('new.tar')).map(({ name }) => name)).toContain('manifest.json');
});

it.each([
  ['absent', 'absent.tar', 'does not exist'],
  ['cut off', 'old.tar', 'is cut off'],
  ['no bundle', 'config.yml', ''],
])('refuses an earlier bundle that is %s', async (_, earlier, message) => {
  const fixture = await cache();
  if (earlier === 'old.tar') await truncate(fixture.path(earlier), 1_000_000);
  const { code, err } = await since(fixture, earlier);
  expect(code).toBe(1);
  expect(err).toContain(message);
  await expect(fixture.read('new.tar')).rejects.toThrow('ENOENT');
});
