import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { warm, type WarmCommandOptions } from '../../../../src/cli/warm/warm.ts';
import type { WarmedImage, WarmEvent } from '../../../../src/mirror/warm/schemas.ts';
import { CareCommandFixture } from '../../../support/care-command-fixture.ts';
import { screenOf } from '../../../support/fake-screen.ts';
import { FindFixture } from '../../../support/find-fixture.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const MiB = 2 ** 20;

const node: WarmedImage = {
  image: 'docker.io/library/node:22',
  state: 'complete',
  digest,
  platforms: ['linux/amd64', 'linux/arm64'],
  fetchedBytes: 300 * MiB,
  heldBytes: 50 * MiB,
  failures: [],
  notes: [],
};
const redis: WarmedImage = {
  ...node,
  image: 'docker.io/library/redis:7',
  state: 'failed',
  platforms: [],
  fetchedBytes: 0,
  heldBytes: 0,
  failures: [
    { what: 'linux/s390x', reason: 'the image is not for it: it has linux/amd64' },
    { what: `blob ${digest}`, reason: 'the disk is full' },
  ],
  notes: ['7 is as it was last seen: upstream does not answer in time'],
};

function progress(bytes: number, images = 0): WarmEvent {
  return {
    type: 'progress',
    progress: {
      images,
      totalImages: 2,
      bytes,
      totalBytes: 400 * MiB,
      underWay: [
        {
          image: node.image,
          bytes,
          totalBytes: 350 * MiB,
          blobs: [{ digest, bytes: bytes / 2, totalBytes: 200 * MiB }],
        },
        { image: redis.image, bytes: 0, totalBytes: 50 * MiB, blobs: [] },
      ],
    },
  };
}

const report: WarmEvent = {
  type: 'report',
  report: { images: 2, failed: 1, absent: 0, fetchedBytes: 300 * MiB, heldBytes: 50 * MiB },
};

const usual: readonly WarmEvent[] = [
  { type: 'started', image: node.image },
  {
    type: 'resolved',
    image: node.image,
    digest,
    platforms: ['linux/amd64', 'linux/arm64'],
    blobs: 9,
    totalBytes: 350 * MiB,
    heldBytes: 50 * MiB,
  },
  progress(100 * MiB),
  { type: 'image', image: redis },
  { type: 'image', image: node },
  report,
];

/** Runs `warm` with events in place of a mirror. */
function run(
  fixture: CareCommandFixture,
  names: readonly string[],
  options: Partial<WarmCommandOptions> = {},
): Promise<number> {
  const sources = { stdin: nothing(), environment: {} };
  return warm(names, { ...fixture.options, build: true, ...options }, fixture.context, sources);
}

async function* nothing(): AsyncGenerator<Buffer> {
  // Ends at once.
}

describe('warm', () => {
  it('ends with a table of the images in order, and fails when something is missing', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.services.warmer.events = usual;

    expect(await run(fixture, ['redis:7', 'node:22'])).toBe(1);

    expect(fixture.lines).toEqual([
      'IMAGE                      PLATFORMS                FETCHED    HELD  RESULT',
      'docker.io/library/node:22  linux/amd64 linux/arm64  300 MiB  50 MiB  complete',
      'docker.io/library/redis:7                               0 B     0 B  failed: linux/s390x: the image is not for it: it has linux/amd64, and 1 more',
      '1 of 2 images complete: 300 MiB fetched in 1 second, 50 MiB held already',
    ]);
    expect(fixture.err.split('\n')).toEqual([
      'docker.io/library/node:22: 350 MiB in 9 blobs, 50 MiB held already',
      '0 of 2 images, 100 MiB of 400 MiB',
      'docker.io/library/redis:7: linux/s390x: the image is not for it: it has linux/amd64',
      `docker.io/library/redis:7: blob ${digest}: the disk is full`,
      'docker.io/library/redis:7: note: 7 is as it was last seen: upstream does not answer in time',
      '',
    ]);
  });

  it('asks for each image with its platforms', async () => {
    await using fixture = await CareCommandFixture.open();
    await using files = await FindFixture.of({ 'images.txt': 'alpine:3\nnode:22\n' });
    fixture.services.warmer.events = [report];

    await run(fixture, ['node:22'], {
      file: [files.folder.join('images.txt')],
      platform: [{ os: 'linux', architecture: 'arm64' }],
      pin: true,
      referrers: true,
    });

    expect(fixture.services.warmer.calls).toEqual([
      {
        images: [
          { reference: 'docker.io/library/alpine:3', platforms: 'linux/arm64', optional: null },
          { reference: 'docker.io/library/node:22', platforms: 'linux/arm64', optional: null },
        ],
        referrers: true,
        pin: true,
      },
    ]);
  });

  it('succeeds when nothing is missing', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.services.warmer.events = [
      { type: 'image', image: node },
      { type: 'report', report: { images: 1, failed: 0, absent: 0, fetchedBytes: 0, heldBytes: MiB } },
    ];

    expect(await run(fixture, ['node:22'])).toBe(0);
    expect(fixture.out).toContain('1 of 1 image complete');
  });

  it('prints its events as JSON', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.services.warmer.events = usual;

    expect(await run(fixture, ['node:22'], { json: true })).toBe(1);
    expect(fixture.json).toEqual(usual);
    expect(fixture.err).toBe('');
  });

  it('fetches nothing when a reference or file is bad', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await run(fixture, ['node:22', 'Node:22'])).toBe(2);
    expect(fixture.services.warmer.calls).toEqual([]);
    expect(fixture.err).toMatch(/"Node:22" has capital letters/);
    expect(fixture.err).toMatch(/nothing was fetched/);
  });

  it('fails without a report', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.services.warmer.events = usual.slice(0, -1);

    expect(await run(fixture, ['node:22'])).toBe(1);
  });

  it('draws a bar for each image, blob and all of them where somebody watches, and takes them away', async () => {
    await using fixture = await CareCommandFixture.open();
    const screen = screenOf(new PassThrough(), { columns: 100, rows: 24 });
    fixture.screen = screen.stream;
    fixture.services.warmer.events = usual;

    await run(fixture, ['node:22', 'redis:7']);

    const name = 48;
    expect(screen.frames()[0]).toEqual([
      `${node.image.padEnd(name)} [======              ]  28 %  100 MiB of 350 MiB`,
      `${'  sha256:0123456789ab'.padEnd(name)} [=====               ]  25 %  50 MiB of 200 MiB`,
      `${redis.image.padEnd(name)} [                    ]   0 %  0 B of 50 MiB`,
      `${'0 of 2 images'.padEnd(name)} [=====               ]  25 %  100 MiB of 400 MiB`,
      '',
    ]);
    expect(screen.isClear()).toBe(true);
    expect(fixture.err).not.toContain('blobs');
  });
});
