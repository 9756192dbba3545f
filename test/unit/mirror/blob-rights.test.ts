import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { eventually } from '../../support/deadline.ts';
import { makeImage, noise } from '../../support/image.ts';
import { byTag, MirrorFixture, readAll, target } from '../../support/mirror-fixture.ts';
import { wholeBody } from '../../support/scripted-upstream.ts';

const hello = target('library/hello');
const stranger = target('someone/else');
const large = noise(500_000, 'large');
const image = makeImage({ layers: [500_000] });

describe('the right to a blob', () => {
  it('comes with a manifest that names it: no question upstream', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    fixture.upstream.requests.length = 0;

    const stat = await fixture.mirror.statBlob(hello, image.config.digest);

    expect(stat).toMatchObject({ size: image.config.size, result: 'hit' });
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('does not come with the bytes: another repository is refused what upstream does not give it', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    await readAll(await fixture.mirror.openBlob(hello, digest));

    await expect(fixture.mirror.openBlob(stranger, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    await expect(fixture.mirror.statBlob(stranger, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('does not come with a fill that is under way either', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    fixture.upstream.body = async function* (bytes, offset) {
      await opened;
      yield* wholeBody(bytes, offset);
    };
    const blob = await fixture.mirror.openBlob(hello, digest);

    await expect(fixture.mirror.openBlob(stranger, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    open();
    await readAll(blob);
  });

  it('is neither lost to a stranger who asked first and was refused, nor the stranger’s from then on', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    fixture.upstream.before = (request) => (request.includes('someone/else') ? opened : undefined);

    const refused = fixture.mirror.openBlob(stranger, digest);
    refused.catch(() => undefined);
    const asked = () => fixture.upstream.requests.some((request) => request.includes('someone/else'));
    await eventually(60_000, 'the question of the stranger', asked);
    const rightful = fixture.mirror.openBlob(hello, digest).then((blob) => readAll(blob));
    rightful.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    open();

    await expect(refused).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect((await rightful).equals(large)).toBe(true);
    const stored = async () => (await fixture.metadata.blob(digest)) !== undefined;
    while (!(await stored())) await new Promise((resolve) => setImmediate(resolve));
    await fixture.restart();
    await expect(fixture.mirror.openBlob(stranger, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('lets a fill go on by another repository when upstream refuses the first', async () => {
    await using fixture = await MirrorFixture.open();
    const [layer] = image.layers;
    const bytes = layer?.bytes ?? Buffer.alloc(0);
    for (const name of ['library/hello', 'someone/else']) {
      fixture.upstream.addManifest(name, image.bytes, 'latest');
      await fixture.mirror.manifest(target(name), byTag('latest'), 'GET');
    }
    const digest = fixture.upstream.addBlob('someone/else', bytes);
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    fixture.upstream.before = (request) => (request.startsWith('BLOB library/hello') ? opened : undefined);

    const first = fixture.mirror.openBlob(hello, digest).then(readAll);
    const second = fixture.mirror.openBlob(stranger, digest).then(readAll);
    await new Promise((resolve) => setImmediate(resolve));
    open();

    expect((await second).equals(bytes)).toBe(true);
    expect((await first).equals(bytes)).toBe(true);
  });

  it('never makes a part of a blob pass for the whole, whatever size another manifest states', async () => {
    await using fixture = await MirrorFixture.open();
    const [layer] = image.layers;
    const bytes = layer?.bytes ?? Buffer.alloc(0);
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    const lying = Buffer.from(image.bytes.toString().replace('500000', '100'));
    fixture.upstream.addManifest('someone/else', lying, 'latest');
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    await fixture.mirror.manifest(stranger, byTag('latest'), 'GET');
    const digest = fixture.upstream.addBlob('library/hello', bytes);
    fixture.upstream.addBlob('someone/else', bytes);

    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    fixture.upstream.body = async function* (all, offset) {
      await opened;
      yield* wholeBody(all, offset);
    };
    const honest = await fixture.mirror.openBlob(hello, digest);
    const joined = await fixture.mirror.openBlob(stranger, digest);
    open();

    expect([honest.size, joined.size]).toEqual([bytes.length, bytes.length]);
    expect((await readAll(joined)).equals(bytes)).toBe(true);
    await honest.close();
  });

  it('is confirmed by a HEAD, and the bytes are then shared', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.addBlob('someone/else', large);
    await readAll(await fixture.mirror.openBlob(hello, digest));

    const shared = await readAll(await fixture.mirror.openBlob(stranger, digest));

    expect(shared.equals(large)).toBe(true);
    expect(fixture.upstream.count('BLOB')).toBe(1);
    expect(fixture.upstream.count('STAT someone/else')).toBe(1);
  });

  it('is confirmed by the beginning of a GET where HEAD states no size', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.headBlob = () => Promise.resolve(undefined);

    expect(await fixture.mirror.statBlob(hello, digest)).toMatchObject({ size: large.length });
  });

  it('that upstream refuses is asked for once', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.before = () => {
      throw new UpstreamError('unauthorized', 'no', { status: 401 });
    };

    await expect(fixture.mirror.statBlob(hello, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect(fixture.upstream.requests).toEqual([`STAT library/hello ${digest}`]);
  });
});
