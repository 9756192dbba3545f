import { describe, expect, it } from 'vitest';
import { makeAttestedIndex } from '../support/attested-index.ts';
import { makeImage, makeIndex } from '../support/image.ts';
import { WarmFixture } from '../support/warm-fixture.ts';

const image = makeImage({ layers: [100_000, 200_000] });
const imageBytes = 300_000 + image.config.size;
const all = (count: number): readonly string[] => Array.from({ length: count }, () => 'right');

describe.each([
  ['beside a server', true],
  ['without one', false],
])('images warmed %s', (_when, serves) => {
  it('are there when upstream no longer is, tag included', async () => {
    await using fixture = await WarmFixture.open({ serves });
    fixture.hub.addImage('library/app', '1', image);

    const { images, report, events } = await fixture.warm(['app:1']);
    fixture.hub.down();

    expect(images).toEqual([
      {
        image: 'docker.io/library/app:1',
        state: 'complete',
        digest: image.digest,
        platforms: ['linux/amd64'],
        fetchedBytes: imageBytes,
        heldBytes: 0,
        failures: [],
        notes: [],
      },
    ]);
    expect(report).toEqual({ images: 1, failed: 0, absent: 0, fetchedBytes: imageBytes, heldBytes: 0 });
    expect(events.map(({ type }) => type).filter((type) => type !== 'progress')).toEqual([
      'started',
      'resolved',
      'image',
      'report',
    ]);
    expect(await fixture.get('library/app', 'manifests', image, '1')).toBe('right');
    expect(await fixture.pull('library/app', image)).toEqual(all(4));
  });

  it('cost no request once they are fresh and complete', async () => {
    await using fixture = await WarmFixture.open({ serves });
    const index = makeAttestedIndex(2);
    fixture.hub.addImage('library/app', '1', index);
    await fixture.warm(['app:1'], { platforms: 'all' });
    expect(fixture.hub.pulls).toBe(5);
    fixture.hub.clearLog();

    const { images, report } = await fixture.warm(['app:1'], { platforms: 'all' });

    expect(fixture.hub.count()).toBe(0);
    expect(images).toMatchObject([{ state: 'complete', fetchedBytes: 0 }]);
    expect(report.heldBytes).toBeGreaterThan(20_000);
  });

  it('have the platforms that are asked for, their attestations, and no more', async () => {
    await using fixture = await WarmFixture.open({ serves });
    const index = makeAttestedIndex(3);
    const [amd64, arm64, s390x] = index.platforms;
    const [, ofArm64] = index.attestations;
    fixture.hub.addImage('library/app', '1', index);

    const { images } = await fixture.warm(['app:1'], { platforms: 'linux/arm64,linux/s390x' });

    expect(images).toMatchObject([{ state: 'complete', platforms: ['linux/arm64', 'linux/s390x'] }]);
    // Each manifest counts as a pull: that of amd64 is left alone.
    expect(fixture.hub.pulls).toBe(5);
    fixture.hub.down();
    if (amd64 === undefined || arm64 === undefined || s390x === undefined || ofArm64 === undefined)
      throw new Error('the index is smaller than it was made');
    expect(await fixture.get('library/app', 'manifests', index, '1')).toBe('right');
    expect(await fixture.pull('library/app', arm64)).toEqual(all(5));
    expect(await fixture.pull('library/app', ofArm64)).toEqual(all(4));
    expect(await fixture.pull('library/app', s390x)).toEqual(all(5));
    expect(await fixture.get('library/app', 'manifests', amd64)).not.toBe('right');
  });

  it('fail for a platform that they do not have, and say which there are', async () => {
    await using fixture = await WarmFixture.open({ serves });
    fixture.hub.addImage('library/app', '1', makeIndex([makeImage({ seed: 1 }), makeImage({ seed: 2 })]));

    const { images, report } = await fixture.warm(['app:1'], { platforms: 'linux/riscv64,linux/arm64' });

    expect(images).toMatchObject([
      {
        state: 'failed',
        platforms: ['linux/arm64'],
        failures: [
          {
            what: 'linux/riscv64',
            reason: 'the image is not for it: it has linux/amd64, linux/arm64',
          },
        ],
      },
    ]);
    expect(report.failed).toBe(1);
  });

  it('are taken for another platform where there is no choice, with a note', async () => {
    await using fixture = await WarmFixture.open({ serves });
    fixture.hub.addImage('library/app', '1', image);

    const { images } = await fixture.warm(['app:1'], { platforms: 'linux/arm64' });

    expect(images).toMatchObject([
      {
        state: 'complete',
        platforms: ['linux/amd64'],
        notes: ['it is for linux/amd64 only, whatever platform is asked for'],
      },
    ]);
  });

  it('that upstream does not have fail, unless they may be missing', async () => {
    await using fixture = await WarmFixture.open({ serves });
    fixture.hub.addImage('library/app', '1', image);

    const { images, report } = await fixture.warm(['app:1', 'app:2', 'nothing:1']);
    const { images: optional } = await fixture.warm(['nothing:1'], { optional: 'it can be built' });

    expect(images).toHaveLength(3);
    expect(images).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ image: 'docker.io/library/app:1', state: 'complete' }),
        expect.objectContaining({ image: 'docker.io/library/app:2', state: 'failed' }),
        expect.objectContaining({ image: 'docker.io/library/nothing:1', state: 'failed' }),
      ]) as unknown[],
    );
    expect(report).toMatchObject({ images: 3, failed: 2 });
    expect(optional).toMatchObject([
      {
        state: 'absent',
        failures: [],
        notes: ['upstream does not have it, or not for this mirror: it can be built'],
      },
    ]);
  });

  it('may be named by a digest, and keep the tag beside it as long as it is the same', async () => {
    await using fixture = await WarmFixture.open({ serves });
    const other = makeImage({ seed: 2 });
    fixture.hub.addImage('library/app', '1', image);
    fixture.hub.addImage('library/app', '2', other);

    const { images } = await fixture.warm([`app:1@${image.digest}`, `app:1@${other.digest}`]);
    fixture.hub.down();

    expect(images).toHaveLength(2);
    expect(images.find(({ digest }) => digest === image.digest)).toMatchObject({
      state: 'complete',
      notes: [],
    });
    expect(images.find(({ digest }) => digest === other.digest)).toMatchObject({
      state: 'complete',
      notes: ['1 is another image by now: it is kept by its digest only'],
    });
    expect(await fixture.get('library/app', 'manifests', image, '1')).toBe('right');
    expect(await fixture.pull('library/app', other)).toEqual(all(4));
  });

  it('whose layer is another than its digest says fail with that layer, and what is right stays', async () => {
    await using fixture = await WarmFixture.open({ serves });
    const [layer, right] = image.layers;
    if (layer === undefined || right === undefined) throw new Error('an image without layers');
    fixture.hub.addImage('library/app', '1', image);
    const fault = fixture.hub.fault({ on: 'blob', kind: 'corrupt', atByte: 50_000, match: layer.digest });

    const { images } = await fixture.warm(['app:1']);
    expect(images).toMatchObject([
      {
        state: 'failed',
        failures: [{ what: `blob ${layer.digest}`, reason: expect.stringContaining('digest') as string }],
      },
    ]);

    fault.clear();
    fixture.hub.clearLog();
    expect((await fixture.warm(['app:1'])).images).toMatchObject([{ state: 'complete' }]);
    expect(fixture.hub.bytesSent(right.digest)).toBe(0);
  });

  it('stop asking an upstream whose pull limit is reached', async () => {
    await using fixture = await WarmFixture.open({ serves });
    const names = Array.from({ length: 12 }, (_, index) => `app${index}`);
    names.forEach((name, seed) => fixture.hub.addImage(`library/${name}`, '1', makeImage({ seed })));
    fixture.hub.fault({ on: 'manifest', kind: 'status', status: 429, headers: { 'retry-after': '3600' } });

    const { images, report } = await fixture.warm(names.map((name) => `${name}:1`));

    expect(report.failed).toBe(12);
    expect(images[0]?.failures[0]?.reason).toMatch(/429|limit/i);
    expect(fixture.hub.count({ path: /manifests/ })).toBeLessThanOrEqual(6);
  });

  it('that are private come with the mirror’s own account', async () => {
    const account = { username: 'classroom', password: 'chalk and talk' };
    await using fixture = await WarmFixture.open({
      serves,
      hub: { credentials: account },
      proxy: account,
    });
    fixture.hub.addImage('acme/app', '1', image);
    fixture.hub.addImage('library/open', '1', makeImage({ seed: 2 }));
    fixture.hub.makePrivate('acme/app');

    const { images } = await fixture.warm(['acme/app:1', 'open:1', 'acme/other:1']);

    expect(images.filter(({ state }) => state === 'complete')).toHaveLength(2);
    fixture.hub.down();
    expect(await fixture.get('library/open', 'manifests', makeImage({ seed: 2 }), '1')).toBe('right');
    expect(await fixture.get('acme/app', 'manifests', image, '1')).not.toBe('right');
  });
});
