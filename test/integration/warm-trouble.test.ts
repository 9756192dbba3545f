import { describe, expect, it } from 'vitest';
import { makeArtifact } from '../support/artifact.ts';
import { entrepot } from '../support/cli.ts';
import { eventually, within } from '../support/deadline.ts';
import { EntrepotProcess } from '../support/entrepot-process.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, type Content, type Image } from '../support/image.ts';
import { WarmFixture } from '../support/warm-fixture.ts';

const all = (count: number): readonly string[] => Array.from({ length: count }, () => 'right');

/** A layer that takes a while. */
const size = 3_000_000;
const image = makeImage({ layers: [size, 5000] });
const layer = layerOf(image);

function layerOf({ layers }: Image): Content {
  const [first] = layers;
  if (first === undefined) throw new Error('an image without layers');
  return first;
}

/** Lets the first half of the layer through, until it is told otherwise. */
function holdLayer({ hub }: Pick<WarmFixture, 'hub'>): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const fault = hub.fault({
    on: 'blob',
    kind: 'hold',
    until: promise,
    afterBytes: size / 2,
    match: layer.digest,
  });
  return () => {
    fault.clear();
    resolve();
  };
}

describe.each([
  ['beside a server', true],
  ['without one', false],
])('a warming %s', (_when, serves) => {
  it('that is left goes on where it was, the next time', async () => {
    await using fixture = await WarmFixture.open({ serves });
    fixture.hub.addImage('library/app', '1', image);
    const release = holdLayer(fixture);

    await within(
      60_000,
      'half of the layer',
      fixture.warm(['app:1'], {
        onEvent: (event) =>
          event.type !== 'progress' || (event.progress.underWay[0]?.bytes ?? 0) < size / 2 - 300_000,
      }),
    );
    release();
    fixture.hub.clearLog();
    const { images } = await fixture.warm(['app:1']);

    expect(images).toMatchObject([{ state: 'complete' }]);
    expect(fixture.hub.bytesSent(layer.digest)).toBeLessThan(size - 1_000_000);
    expect(fixture.hub.pulls).toBe(0);
    fixture.hub.down();
    expect(await fixture.pull('library/app', image)).toEqual(all(4));
  });

  it('has what is cached when upstream is down, and says what it lacks', async () => {
    await using fixture = await WarmFixture.open({ serves });
    fixture.hub.addImage('library/app', '1', image);
    fixture.hub.addImage('library/app', '2', makeImage({ seed: 2 }));
    await fixture.warm(['app:1']);
    fixture.hub.down();

    const { images, report } = await fixture.warm(['app:1', 'app:2', `app@${image.digest}`]);

    expect(report).toMatchObject({ images: 3, failed: 1 });
    const lacking = images.filter(({ state }) => state === 'failed');
    expect(lacking).toMatchObject([
      {
        image: 'docker.io/library/app:2',
        failures: [{ what: 'the image', reason: expect.any(String) as string }],
      },
    ]);
  });

  it('pins what it fetches, by tag or by digest, and nothing that is not there', async () => {
    await using fixture = await WarmFixture.open({ serves });
    const other = makeImage({ seed: 2 });
    fixture.hub.addImage('library/app', '1', image);
    fixture.hub.addImage('library/app', '2', other);

    await fixture.warm(['app:1', `app:2@${other.digest}`, 'app:3'], { pin: true });

    expect(await fixture.listing()).toEqual([
      { image: 'library/app:1', pinnedBy: expect.stringMatching(/\/library\/app:1$/) as string },
      {
        image: 'library/app:2',
        pinnedBy: expect.stringMatching(new RegExp(`/library/app@${other.digest}$`)) as string,
      },
    ]);
  });

  it('refuses what cannot be kept together before it is downloaded', async () => {
    await using fixture = await WarmFixture.open({ serves, storage: { maxsize: '5MB' } });
    fixture.hub.addImage('library/app', '1', image);
    fixture.hub.addImage('library/app', '2', makeImage({ layers: [4_000_000], seed: 2 }));

    const { images, report } = await fixture.warm(['app:1', 'app:2'], { pin: true });

    expect(report).toMatchObject({ failed: 1 });
    const refused = images.filter(({ state }) => state === 'failed');
    expect(refused).toMatchObject([
      {
        fetchedBytes: 0,
        failures: [
          {
            what: 'the image',
            reason: expect.stringMatching(
              /^it does not fit into storage.maxsize \(4 MiB\): 6 MiB in all/,
            ) as string,
          },
        ],
      },
    ]);
    const kept = images.find(({ state }) => state === 'complete');
    expect((await fixture.listing()).map((one) => `docker.io/${one.image}`)).toContain(kept?.image);
  });

  it('fetches what refers to images, and what refers to that', async () => {
    await using fixture = await WarmFixture.open({ serves });
    fixture.hub.addImage('library/app', '1', image);
    const bill = makeArtifact({ artifactType: 'application/spdx+json', text: 'a bill', subject: image });
    const signed = makeArtifact({
      artifactType: 'application/signature',
      text: 'of the bill',
      subject: bill,
    });
    const signature = makeArtifact({ text: 'of cosign' });
    for (const artifact of [bill, signed]) fixture.hub.addArtifact('library/app', artifact);
    const tag = `${image.digest.replace(':', '-')}.sig`;
    fixture.hub.addArtifact('library/app', signature, tag);

    const { images } = await fixture.warm(['app:1'], { referrers: true });

    expect(images).toMatchObject([{ state: 'complete', failures: [] }]);
    fixture.hub.down();
    expect(await fixture.get('library/app', 'manifests', signature, tag)).toBe('right');
    for (const artifact of [bill, signed, signature]) {
      expect(await fixture.get('library/app', 'manifests', artifact)).toBe('right');
      for (const blob of artifact.blobs)
        expect(await fixture.get('library/app', 'blobs', blob)).toBe('right');
    }
  });

  it('gives a blob of two repositories to the readers of both, each by its own right', async () => {
    const account = { username: 'classroom', password: 'chalk' };
    await using fixture = await WarmFixture.open({ serves, hub: { credentials: account }, proxy: account });
    fixture.hub.addImage('acme/app', '1', image);
    fixture.hub.addImage('library/open', '1', image);
    fixture.hub.makePrivate('acme/app');

    // The private one first: its bytes prove nothing of the other.
    await fixture.warm(['acme/app:1']);
    await fixture.warm(['open:1']);
    fixture.hub.down();

    expect(await fixture.pull('library/open', image)).toEqual(all(4));
    expect(await fixture.get('acme/app', 'blobs', layer)).not.toBe('right');
  });

  it('in a process that is killed loses nothing that has come', async () => {
    await using fixture = await WarmFixture.open({ serves });
    fixture.hub.addImage('library/app', '1', image);
    const release = holdLayer(fixture);
    const command = ['warm', 'app:1', '--platform', 'linux/amd64', '--json', '--config', fixture.file];

    await using killed = entrepot(command, '/');
    await killed.waitFor(/"blobs":\[\{"digest":"[^"]+","bytes":1[2-5]\d{5}/, 60_000);
    killed.kill('SIGKILL');
    await killed.exited();
    release();
    fixture.hub.clearLog();
    await using again = entrepot(command, '/');

    expect((await again.exited()).code).toBe(0);
    expect(again.stdout).toMatch(/"type":"report","report":\{"images":1,"failed":0/);
    expect(fixture.hub.bytesSent(layer.digest)).toBeLessThan(size - 1_000_000);
  });
});

describe('a warming beside a server', () => {
  it('that is killed goes on once it runs again', async () => {
    await using hub = await FakeHub.start();
    hub.addImage('library/app', '1', image);
    await using server = await EntrepotProcess.start({ remoteUrl: hub.url, storage: { minfree: 0 } });
    const release = holdLayer({ hub });
    const command = [
      'warm',
      'app:1',
      '--platform',
      'linux/amd64',
      '--json',
      '--config',
      server.configuration,
    ];

    await using cut = entrepot(command, '/');
    await cut.waitFor(/"blobs":\[\{"digest":"[^"]+","bytes":1[2-5]\d{5}/, 60_000);
    server.signal('SIGKILL');
    expect((await cut.exited()).code).toBe(1);
    expect(cut.stderr).toContain('the server ended before this was done');
    await server.exited();
    release();
    hub.clearLog();
    await server.restart();
    await using again = entrepot(command, '/');

    expect((await again.exited()).code).toBe(0);
    expect(hub.bytesSent(layer.digest)).toBeLessThan(size - 1_000_000);
  });

  it('and a client’s pull share one download', async () => {
    await using fixture = await WarmFixture.open({ serves: true });
    fixture.hub.addImage('library/app', '1', image);
    const release = holdLayer(fixture);

    const warming = fixture.warm(['app:1']);
    await fixture.hub.received({ path: new RegExp(layer.digest) });
    await eventually(60_000, 'the manifest', async () => {
      return (await fixture.get('library/app', 'manifests', image)) === 'right';
    });
    const pulling = fixture.get('library/app', 'blobs', layer);
    const other = fixture.warm(['app:1']);
    release();

    expect(await pulling).toBe('right');
    expect((await warming).images).toMatchObject([{ state: 'complete' }]);
    expect((await other).images).toMatchObject([{ state: 'complete' }]);
    expect(fixture.hub.bytesSent(layer.digest)).toBe(size);
    expect(fixture.hub.pulls).toBe(1);
  });

  it('ends with the command that asked for it', async () => {
    await using fixture = await WarmFixture.open({ serves: true });
    fixture.hub.addImage('library/app', '1', image);
    const release = holdLayer(fixture);
    const path = new RegExp(layer.digest);

    await using child = entrepot(['warm', 'app:1', '--config', fixture.file], '/');
    await child.waitFor(/app:1: 2 MiB in 3 blobs/, 60_000);
    child.kill('SIGINT');
    expect((await child.exited()).code).toBe(1);
    expect(child.stderr).toContain('the same command goes on from there');
    await eventually(60_000, 'the end of it in the server', () =>
      Promise.resolve(
        fixture.log.some(({ operation, outcome }) => operation === 'warm' && outcome === 'cut'),
      ),
    );
    const before = fixture.hub.count({ path });
    release();
    await fixture.warm(['app:1']);

    // A download under way would have been joined.
    expect(fixture.hub.count({ path })).toBeGreaterThan(before);
  });
});
