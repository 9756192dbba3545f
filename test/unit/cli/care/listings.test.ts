import { describe, expect, it } from 'vitest';
import { du } from '../../../../src/cli/care/du.ts';
import { ls } from '../../../../src/cli/care/ls.ts';
import { stats } from '../../../../src/cli/care/stats.ts';
import type { ImageListing } from '../../../../src/cache/care/schemas.ts';
import { imageListing } from '../../../support/fake-caretaker.ts';
import { CareCommandFixture } from '../../../support/care-command-fixture.ts';

describe('ls', () => {
  it('shows a table', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await ls('node:*', fixture.options, fixture.context)).toBe(0);
    expect(fixture.lines).toEqual([
      'IMAGE               DIGEST                  SIZE  LAYERS   LAST USED  PINNED',
      'node:20             sha256:0123456789ab  300 MiB  all      5h ago',
      'ghcr.io/acme/app:1  sha256:0123456789ab    512 B  in part  5h ago     ghcr.io/acme/*',
    ]);
    expect(fixture.err).toBe('');
    expect(fixture.caretaker.calls).toEqual([['images', { matching: 'node:*' }]]);
  });

  it('prints a JSON document a line', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await ls(undefined, { ...fixture.options, json: true }, fixture.context)).toBe(0);
    expect(fixture.json).toEqual(fixture.caretaker.listings);
  });

  it('shortens digests unless told otherwise', async () => {
    await using fixture = await CareCommandFixture.open();
    const digest = `sha256:${'ab'.repeat(32)}`;
    fixture.caretaker.listings = [imageListing('node', { image: `node@${digest}`, digest, tag: null })];

    await ls(undefined, fixture.options, fixture.context);
    expect(fixture.lines[1]).toMatch(/^node@sha256:abababababab {2}sha256:abababababab /);
    await ls(undefined, { ...fixture.options, trunc: false }, fixture.context);
    expect(fixture.lines[3]).toContain(`node@${digest}  ${digest} `);
  });

  it('writes while images still come, in columns that hold all of them', async () => {
    await using fixture = await CareCommandFixture.open();
    const seen: number[] = [];
    fixture.caretaker.listings = (async function* (): AsyncGenerator<ImageListing> {
      for (let index = 0; index < 1000; index += 1) {
        yield imageListing(`${'x'.repeat(index < 500 ? 4 : 40)}:${index}`);
        // Time for what was sent before to arrive.
        if (index % 250 === 249) await new Promise((resolve) => setTimeout(resolve, 20));
        seen.push(fixture.lines.length);
      }
    })();

    await ls(undefined, fixture.options, fixture.context);
    expect(fixture.lines).toHaveLength(1001);
    expect(fixture.lines.at(-1)).toMatch(/^x{40}:999 {2}sha256:0123456789ab /);
    expect(Math.max(...seen)).toBeGreaterThan(500);
  });

  it('says that there is nothing', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.caretaker.listings = [];

    expect(await ls('node', fixture.options, fixture.context)).toBe(0);
    expect([fixture.out, fixture.err]).toEqual(['', 'entrepot: nothing like node is cached\n']);
  });

  it('ends when it is interrupted', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.caretaker.listings = (async function* (): AsyncGenerator<ImageListing> {
      for (let index = 0; ; index += 1) {
        yield imageListing(`node:${index}`);
        if (index === 10) fixture.interrupted.abort(new Error('SIGINT'));
        if (index > 10) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();

    expect(await ls(undefined, fixture.options, fixture.context)).toBe(1);
    expect(fixture.err).toBe('entrepot: interrupted\n');
  });
});

describe('du', () => {
  it('shows a table with a total', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await du(fixture.options, fixture.context)).toBe(0);
    expect(fixture.lines).toEqual([
      'REPOSITORY    TAGS  MANIFESTS   UNIQUE   SHARED    TOTAL',
      'node             1          3  1.0 GiB  2.0 GiB  3.0 GiB',
      'all together     1          3  1.0 GiB  2.0 GiB  3.0 GiB',
    ]);
  });

  it('prints a JSON document a line', async () => {
    await using fixture = await CareCommandFixture.open();

    await du({ ...fixture.options, json: true }, fixture.context);
    expect(fixture.json).toEqual(fixture.caretaker.usages);
  });
});

describe('stats', () => {
  it('prints the cache in numbers', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await stats(fixture.options, fixture.context)).toBe(0);
    expect(fixture.lines).toEqual([
      'cached      5.0 GiB in 20 blobs',
      '            2 repositories, 3 tags, 9 manifests',
      'database    1 MiB',
      'arriving    1 blob, 2 KiB',
      'quarantine  none',
      'disk        512.0 GiB of 1.0 TiB free, 900 of 1000 files',
      'limits      maxsize 8.0 GiB, minfree none',
      'quota       ghcr.io: 1.0 GiB',
      'state       pulls pass through without being kept',
      '            the disk is full',
      'scrubbing   everything within 30 days; least recent verification 5h ago',
      'server      running for 2 hours, and since its start:',
      '            fetched 1.0 GiB ahead of clients, 1 MiB of it not asked for since',
      '            evicted 4 images, 2.0 GiB',
      '            hashed 6 blobs, 2.0 GiB; 1 blob damaged',
    ]);
  });

  it('prints one JSON document', async () => {
    await using fixture = await CareCommandFixture.open();

    await stats({ ...fixture.options, json: true }, fixture.context);
    expect(fixture.json).toEqual([fixture.caretaker.numbers]);
  });
});
