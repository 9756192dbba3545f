import { readdir, rename, rm, truncate } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ExportFixture, type Run } from '../../../support/export-fixture.ts';
import { makeImage } from '../../../support/image.ts';
import { tarEntries } from '../../../support/tar-entries.ts';

const mib = 1024 * 1024;
const image = makeImage({ oci: true, layers: [1_500_000, 900_000, 2_500_000] });

async function cache(): Promise<ExportFixture> {
  const fixture = await ExportFixture.open();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  await fixture.cache.hold(image);
  return fixture;
}

/** Exports to `a.tar`, or to its parts. */
function run(fixture: ExportFixture, size?: number): Promise<Run> {
  return fixture.export(['hello'], {
    output: fixture.path('a.tar'),
    ...(size === undefined ? {} : { size }),
  });
}

async function files(fixture: ExportFixture): Promise<readonly string[]> {
  return (await readdir(fixture.folder.path)).filter((name) => name.startsWith('a.')).toSorted();
}

describe('the same export again', () => {
  it('keeps what is there', async () => {
    const fixture = await cache();
    expect((await run(fixture)).out).toContain('written');
    const before = await fixture.read('a.tar');
    expect(await run(fixture)).toMatchObject({ code: 0, out: expect.stringContaining('kept') as string });
    expect((await fixture.read('a.tar')).equals(before)).toBe(true);
  });

  it.each(['in its middle', 'at its end'])('refuses a file that is something else %s', async (where) => {
    const fixture = await cache();
    await run(fixture);
    const other = await fixture.read('a.tar');
    const at = where === 'at its end' ? other.length - 1 : 1_000_000;
    other[at] = (other[at] ?? 0) ^ 1;
    await fixture.write(other, 'a.tar');
    const { code, err } = await run(fixture);
    expect([code, err]).toEqual([
      1,
      `entrepot: ${fixture.path('a.tar')} exists and is something else: remove it, or write to another place\n`,
    ]);
    expect((await fixture.read('a.tar')).equals(other)).toBe(true);
  });

  // The first bytes, in a header, in a blob, at the end of one, in the last zeros.
  it.each([0, 100, 700, 1_000_000, 1_600_000, 4_000_000, -1, -1500])(
    'goes on after %d bytes, and makes the same file',
    async (length) => {
      const fixture = await cache();
      await run(fixture);
      const whole = await fixture.read('a.tar');
      await rename(fixture.path('a.tar'), fixture.path('a.tar.partial'));
      await truncate(fixture.path('a.tar.partial'), length < 0 ? whole.length + length : length);
      expect(await run(fixture)).toMatchObject({
        code: 0,
        out: expect.stringContaining('written') as string,
      });
      expect((await fixture.read('a.tar')).equals(whole)).toBe(true);
      expect(await files(fixture)).toEqual(['a.tar']);
    },
  );

  it('writes again what is damaged in an unfinished file, from there on', async () => {
    const fixture = await cache();
    await run(fixture);
    const whole = await fixture.read('a.tar');
    const damaged = Buffer.from(whole);
    damaged.fill(0, 2_000_000, 2_000_100);
    await fixture.write(damaged, 'a.tar.partial');
    await rm(fixture.path('a.tar'));
    expect((await run(fixture)).code).toBe(0);
    expect((await fixture.read('a.tar')).equals(whole)).toBe(true);
  });
});

describe('parts', () => {
  const parts = ['001', '002', '003', '004', '005'].map((number) => `a.tar.${number}`);

  it('are joined by cat, and listed for sha256sum', async () => {
    const fixture = await cache();
    await run(fixture);
    const whole = await fixture.read('a.tar');
    await rm(fixture.path('a.tar'));
    const { code } = await run(fixture, mib);
    expect(code).toBe(0);
    expect(await files(fixture)).toEqual(['a.sha256', ...parts]);
    const joined = execFileSync('sh', ['-c', 'cat a.tar.*'], {
      cwd: fixture.folder.path,
      maxBuffer: 64 * mib,
    });
    expect(joined.equals(whole)).toBe(true);
    expect(tarEntries(joined)).toHaveLength(9);
    const checked = execFileSync('sha256sum', ['--check', '--strict', 'a.sha256'], {
      cwd: fixture.folder.path,
    });
    expect(checked.toString().match(/: OK/g)).toHaveLength(5);
  });

  it('are one file if all fits', async () => {
    const fixture = await cache();
    await run(fixture, 100 * mib);
    expect(await files(fixture)).toEqual(['a.tar']);
  });

  it.each([
    ['in the third', 2, 500_000],
    ['in the first', 0, 10],
    ['at the end of the second', 1, mib],
  ])('go on %s, and are the same', async (_, cut, length) => {
    const fixture = await cache();
    await run(fixture, mib);
    const whole = await Promise.all(parts.map((name) => fixture.read(name)));
    const list = await fixture.read('a.sha256');
    await rm(fixture.path('a.sha256'));
    for (const [index, name] of parts.entries()) {
      if (index > cut) await rm(fixture.path(name));
      else await rename(fixture.path(name), fixture.path(`${name}.partial`));
    }
    await truncate(fixture.path(`${parts[cut] ?? ''}.partial`), length);
    expect((await run(fixture, mib)).code).toBe(0);
    expect(await files(fixture)).toEqual(['a.sha256', ...parts]);
    const again = await Promise.all(parts.map((name) => fixture.read(name)));
    expect(again.every((part, index) => part.equals(whole[index] ?? Buffer.alloc(0)))).toBe(true);
    expect(await fixture.read('a.sha256')).toEqual(list);
  });

  it('get their names if only some had them', async () => {
    const fixture = await cache();
    await run(fixture, mib);
    await rm(fixture.path('a.sha256'));
    for (const name of parts.slice(2)) await rename(fixture.path(name), fixture.path(`${name}.partial`));
    expect((await run(fixture, mib)).code).toBe(0);
    expect(await files(fixture)).toEqual(['a.sha256', ...parts]);
  });

  it('for FAT are one byte shorter than 4 GiB, and that is said', async () => {
    const fixture = await cache();
    const { err } = await run(fixture, 4 * 1024 ** 3);
    expect(err).toBe('note: a file gets at most 4294967295 bytes, one less than 4 GiB: FAT takes no more\n');
  });

  it('are not tiny, and none of the standard output', async () => {
    const fixture = await cache();
    expect(await run(fixture, 1000)).toMatchObject({
      code: 2,
      err: expect.stringContaining('1 MiB') as string,
    });
    expect(await fixture.export(['hello'], { output: '-', size: mib })).toMatchObject({ code: 2 });
  });
});
