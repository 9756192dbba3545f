import { open, readdir, stat } from 'node:fs/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { servicesFor } from '../../src/assembly/services.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { OpenServices } from '../../src/control/open-services.ts';
import { LocalCaretaker } from '../../src/cache/care/local-caretaker.ts';
import type { Caretaker } from '../../src/cache/care/caretaker.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { ask, verdict } from '../support/ask.ts';
import { writeConfigurationFile } from '../support/configuration-file.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { assembleImage, noise, type Content, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const shared = noise(200_000, 'shared');

function imageOf(seed: string): Image {
  return assembleImage([shared, noise(100_000, seed)], { seed });
}

const images = {
  'library/node:20': imageOf('node 20'),
  'library/node:22': imageOf('node 22'),
  'acme/app:1': imageOf('app'),
} as const;

/** Three images that share a layer, and the caretaker of the cache that holds them. */
class Fixture implements AsyncDisposable {
  readonly entrepot: TestEntrepot;
  readonly care: Caretaker;
  readonly #closing: AsyncDisposableStack;

  private constructor(entrepot: TestEntrepot, { services }: OpenServices, closing: AsyncDisposableStack) {
    this.entrepot = entrepot;
    this.care = services.caretaker;
    this.#closing = closing;
  }

  static async open(serves: boolean): Promise<Fixture> {
    await using closing = new AsyncDisposableStack();
    const hub = closing.use(await FakeHub.start());
    const entrepot = closing.use(await TestEntrepot.start({ upstream: hub.url }));
    for (const [name, image] of Object.entries(images)) {
      const [repository = '', tag = ''] = name.split(':');
      hub.addImage(repository, tag, image);
      await pull(entrepot.url, repository, tag, image);
    }
    if (!serves) await entrepot.stop();
    const folder = closing.use(await TempFolder.create());
    const file = await writeConfigurationFile(folder, {
      storage: { filesystem: { rootdirectory: entrepot.folder } },
    });
    const opened = await servicesFor(loadConfig({ file, environment: {} }).config, {
      clock: systemClock(),
      logger: pino({ level: 'silent' }),
      signal: new AbortController().signal,
    });
    closing.use(opened);
    const fixture = new Fixture(entrepot, opened, closing.move());
    await eventually(60_000, 'three whole images', async () => {
      const held = await Array.fromAsync(fixture.care.images());
      return held.length === 3 && held.every(({ complete }) => complete);
    });
    return fixture;
  }

  async names(): Promise<readonly string[]> {
    return (await Array.fromAsync(this.care.images())).map(({ image }) => image);
  }

  /** The file of a blob. */
  blob({ digest }: Content): string {
    const [algorithm = '', hex = ''] = digest.split(':');
    return `${this.entrepot.folder}/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}

async function pull(url: string, repository: string, tag: string, image: Image): Promise<void> {
  const parts = [
    { path: `manifests/${tag}`, bytes: image.bytes },
    ...[image.config, ...image.layers].map(({ digest, bytes }) => ({ path: `blobs/${digest}`, bytes })),
  ];
  for (const { path, bytes } of parts) {
    expect(verdict(await ask(url, `/v2/${repository}/${path}`), bytes)).toBe('right');
  }
}

/** The layer that no other image has. */
function ownLayer(image: Image): Content {
  const layer = image.layers[1];
  if (layer === undefined) throw new Error('an image without a second layer');
  return layer;
}

const node20 = images['library/node:20'];

describe.each([
  ['while the server runs', true],
  ['while it does not', false],
])('the cache, %s,', (_when, serves) => {
  it('is in the care of whoever has it', async () => {
    await using fixture = await Fixture.open(serves);

    expect(fixture.care instanceof LocalCaretaker).toBe(!serves);
    expect((await readdir(fixture.entrepot.folder)).includes('control.sock')).toBe(serves);
    expect((await fixture.care.stats()).server === null).toBe(!serves);
  });

  it('is listed', async () => {
    await using fixture = await Fixture.open(serves);

    expect(await fixture.names()).toEqual(['acme/app:1', 'library/node:20', 'library/node:22']);
    expect(await Array.fromAsync(fixture.care.images({ matching: 'node:2*' }))).toMatchObject([
      { image: 'library/node:20', digest: node20.digest, complete: true, pinnedBy: null },
      { image: 'library/node:22' },
    ]);
  });

  it('is measured', async () => {
    await using fixture = await Fixture.open(serves);

    const usages = await Array.fromAsync(fixture.care.usage());
    expect(usages).toMatchObject([
      { repository: 'acme/app', tags: 1, sharedBytes: shared.length },
      { repository: 'library/node', tags: 2, sharedBytes: shared.length },
      { repository: null, tags: 3, sharedBytes: shared.length },
    ]);
    const stats = await fixture.care.stats();
    expect(stats.store).toMatchObject({ tags: 3, repositories: 2, bytes: usages[2]?.bytes });
  });

  it('loses an image that is removed, but not what others share with it', async () => {
    await using fixture = await Fixture.open(serves);

    const report = await fixture.care.remove('node:20');
    expect(report).toMatchObject({ image: 'library/node:20', tags: ['20'], manifests: 1, blobs: 2 });
    expect(report.bytes).toBe(100_000 + node20.config.size);
    expect(await fixture.names()).toEqual(['acme/app:1', 'library/node:22']);
    await expect(stat(fixture.blob(ownLayer(node20)))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(fixture.care.remove('node:20')).rejects.toMatchObject({ kind: 'not-found' });
    await expect(fixture.care.remove('No Image')).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('is pruned down to what was used last, without what is pinned', async () => {
    await using fixture = await Fixture.open(serves);

    await fixture.care.pin('node:20');
    await expect(fixture.care.remove('node:20')).rejects.toMatchObject({ kind: 'pinned' });
    const all = { toBytes: 0, unusedMs: null };
    const planned = await Array.fromAsync(fixture.care.prune({ ...all, dryRun: true }));
    expect(planned.map(({ image }) => image)).toEqual(['library/node:22', 'acme/app:1']);
    expect(await fixture.names()).toHaveLength(3);
    await Array.fromAsync(fixture.care.prune({ ...all, dryRun: false }));
    expect(await Array.fromAsync(fixture.care.images())).toMatchObject([
      { image: 'library/node:20', pinnedBy: 'node:20' },
    ]);
    expect(await fixture.care.pins()).toMatchObject([{ pattern: 'node:20', source: 'command' }]);
    expect([await fixture.care.unpin('node:20'), await fixture.care.unpin('node:20')]).toEqual([true, false]);
  });

  it('is verified, and put right', async () => {
    await using fixture = await Fixture.open(serves);
    const file = await open(fixture.blob(ownLayer(node20)), 'r+');
    await file.write(Buffer.from('not this'), 0, 8, 50_000);
    await file.close();

    const found = (await Array.fromAsync(fixture.care.verify({ repair: false }))).filter(
      ({ type }) => type === 'finding',
    );
    expect(found).toMatchObject([
      { finding: { kind: 'damaged', loss: true, repaired: false, digest: ownLayer(node20).digest } },
    ]);
    const repaired = await Array.fromAsync(fixture.care.verify({ repair: true }));
    expect(repaired.at(-1)).toMatchObject({ type: 'report', report: { loss: true, repaired: 1 } });
    const again = await Array.fromAsync(fixture.care.verify({ repair: false }));
    expect(again.at(-1)).toMatchObject({ type: 'report', report: { loss: false, findings: {} } });
  });
});
