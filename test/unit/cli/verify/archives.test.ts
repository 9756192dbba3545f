import { createReadStream } from 'node:fs';
import { rm, truncate } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { verifyArchives } from '../../../../src/cli/verify/archives.ts';
import { systemClock } from '../../../../src/base/system-clock.ts';
import { ExportFixture } from '../../../support/export-fixture.ts';
import { makeImage } from '../../../support/image.ts';

const image = makeImage({ oci: true, layers: [700_000, 900_000] });
const other = makeImage({ oci: true, seed: 2 });
const mib = 1024 * 1024;

/** A folder with `a.tar`, which holds two images. */
async function bundled(size?: number): Promise<ExportFixture> {
  const fixture = await ExportFixture.open();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  await fixture.cache.hold(image);
  await fixture.cache.hold(other, 'library/other', '1');
  const options = { output: fixture.path('a.tar'), ...(size === undefined ? {} : { size }) };
  expect(await fixture.export(['hello', 'other:1'], options)).toMatchObject({ code: 0 });
  return fixture;
}

async function verify(
  paths: readonly string[],
  options: { json?: boolean; stdin?: AsyncIterable<Uint8Array> } = {},
): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await verifyArchives(paths, options, options.stdin ?? new PassThrough().end(), {
    terminal: {
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      interactive: false,
    },
    clock: systemClock(),
    interrupted: new AbortController().signal,
  });
  return { code, out, err };
}

/** Changes a byte of the second layer of the first image. */
async function damage(fixture: ExportFixture, name = 'a.tar'): Promise<string> {
  const bytes = await fixture.read(name);
  const layer = image.layers[1];
  if (layer === undefined) throw new Error('it has two layers');
  const at = bytes.indexOf(layer.bytes.subarray(0, 1000));
  bytes[at + 5] = (bytes[at + 5] ?? 0) ^ 1;
  await fixture.write(bytes, name);
  return `blobs/${layer.digest.replace(':', '/')}`;
}

it('is well with what export wrote: one file, its parts, or their folder', async () => {
  const whole = await bundled();
  const file = whole.path('a.tar');
  expect(await verify([file])).toEqual({
    code: 0,
    out: `${file}: 2 images, hashed 8 blobs of 1 MiB: all is well\n`,
    err: '',
  });
  const parted = await bundled(mib);
  for (const path of [parted.path('a.tar.001'), parted.folder.path]) {
    expect(await verify([path])).toMatchObject({
      code: 0,
      out: expect.stringContaining('all is well') as string,
    });
  }
});

it('names the entry that is damaged, and who needs it', async () => {
  const fixture = await bundled();
  const entry = await damage(fixture);
  const { code, out } = await verify([fixture.path('a.tar')]);
  expect(code).toBe(1);
  expect(out).toContain(
    `a.tar: ${entry} is damaged: its bytes are not what its digest says; docker.io/library/hello:latest needs it\n`,
  );
  expect(out).toContain('1 damaged or missing');
});

it.each(['a pipe', 'a compressed file'])('finds it in %s, too', async (where) => {
  const fixture = await bundled();
  const good = await fixture.read('a.tar');
  const entry = await damage(fixture);
  const bad = await fixture.read('a.tar');
  const look = async (bytes: Buffer): Promise<{ code: number; out: string }> => {
    if (where === 'a pipe') {
      await fixture.write(bytes, 'b.tar');
      return verify(['-'], { stdin: createReadStream(fixture.path('b.tar')) });
    }
    await fixture.write(gzipSync(bytes), 'b.tar.gz');
    return verify([fixture.path('b.tar.gz')]);
  };
  expect(await look(good)).toMatchObject({ code: 0 });
  expect(await look(bad)).toMatchObject({
    code: 1,
    out: expect.stringContaining(`${entry} is damaged`) as string,
  });
});

it('says where a file is cut off, and goes on with the next', async () => {
  const fixture = await bundled();
  await fixture.write(await fixture.read('a.tar'), 'b.tar');
  await truncate(fixture.path('a.tar'), mib);
  const { code, out, err } = await verify([fixture.path('a.tar'), fixture.path('b.tar')]);
  expect(code).toBe(1);
  expect(err).toMatch(
    /a\.tar: blobs\/sha256\/\w+ is cut off: the archive ends after \d+ of its 900000 bytes/,
  );
  expect(out).toContain('b.tar: 2 images');
});

it('says which part is missing, and what is no archive', async () => {
  const fixture = await bundled(mib);
  await rm(fixture.path('a.tar.001'));
  expect(await verify([fixture.path('a.tar.002')])).toMatchObject({
    code: 1,
    err: expect.stringContaining('lacks its part 001') as string,
  });
  await fixture.write('no tar', 'b.tar');
  expect(await verify([fixture.path('b.tar')])).toMatchObject({ code: 1 });
  expect(await verify([fixture.path('absent.tar')])).toMatchObject({
    code: 1,
    err: expect.stringContaining('does not exist') as string,
  });
});

it('prints JSON', async () => {
  const fixture = await bundled();
  const entry = await damage(fixture);
  const { out } = await verify([fixture.path('a.tar')], { json: true });
  expect(JSON.parse(out)).toMatchObject({
    file: fixture.path('a.tar'),
    images: 2,
    blobs: 8,
    omitted: 0,
    faults: [{ entry, fault: 'damaged', image: 'docker.io/library/hello:latest' }],
  });
});
