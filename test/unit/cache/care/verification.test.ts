import { appendFile, rename } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { CareHouse, repository } from '../../../support/care-house.ts';
import { makeImage, makeIndex } from '../../../support/image.ts';
import type { Tag } from '../../../../src/oci/reference.ts';

const image = makeImage({ layers: [5000, 6000] });
const [layer, other] = image.layers;
if (layer === undefined || other === undefined) throw new Error('the image has two layers');
const stray = makeImage({ layers: [700], seed: 2 }).layers[0];
if (stray === undefined) throw new Error('the image has a layer');

async function holding(): Promise<CareHouse> {
  const house = await CareHouse.open();
  await house.hold(image, 'library/hello', 'latest');
  return house;
}

/** Changes the database behind everybody's back. */
function tamper(house: CareHouse, ...statements: readonly string[]): void {
  const database = new Database(house.database);
  database.pragma('foreign_keys = OFF');
  for (const statement of statements) database.exec(statement);
  database.close();
}

/** All that a verification might change. */
async function everything(house: CareHouse): Promise<unknown> {
  const database = new Database(house.database, { readonly: true });
  const tables = ['blob', 'manifest', 'tag', 'repository', 'repository_blob', 'usage', 'condemned'];
  const rows = tables.map((table) => database.prepare(`SELECT * FROM ${table}`).all());
  database.close();
  const files = await Array.fromAsync(house.content.list());
  return { rows, files: files.toSorted((one, two) => (one.digest < two.digest ? -1 : 1)) };
}

describe('a verification', () => {
  it('finds nothing in a store that is whole, and says how much it has looked at', async () => {
    await using house = await holding();
    const { findings, report } = await house.verify();
    expect(findings).toEqual([]);
    expect(report).toEqual({
      blobs: 3,
      bytes: image.config.size + 11_000,
      manifests: 1,
      tags: 1,
      findings: {},
      loss: false,
      repaired: 0,
    });
  });

  it('finds nothing in an empty store', async () => {
    await using house = await CareHouse.open();
    const { findings, report } = await house.verify(true);
    expect(findings).toEqual([]);
    expect(report).toMatchObject({ blobs: 0, loss: false });
  });

  it('tells how far it is, up to the end', async () => {
    await using house = await holding();
    const events = await Array.fromAsync(house.caretaker.verify({ repair: false }));
    const progress = events.flatMap((event) => (event.type === 'progress' ? [event.progress] : []));
    const bytes = image.config.size + 11_000;
    expect(progress[0]).toEqual({ blobs: 0, bytes: 0, totalBlobs: 3, totalBytes: bytes });
    expect(progress.at(-1)).toEqual({ blobs: 3, bytes, totalBlobs: 3, totalBytes: bytes });
  });

  it.each([
    ['damaged', 'damaged', (house: CareHouse) => house.damage(layer.digest)],
    ['missing', 'missing', (house: CareHouse) => house.lose(layer.digest)],
  ])(
    'counts a blob that is %s as a loss, names its images, and takes it out of use',
    async (_, kind, spoil) => {
      await using house = await holding();
      await spoil(house);
      const before = await everything(house);
      const { findings, report } = await house.verify();
      expect(findings).toEqual([
        expect.objectContaining({
          kind,
          loss: true,
          repaired: false,
          digest: layer.digest,
          images: ['library/hello:latest'],
        }),
      ]);
      expect(report).toMatchObject({ loss: true, repaired: 0, findings: { [kind]: 1 } });
      expect(await everything(house)).toEqual(before);

      const repaired = await house.verify(true);
      expect(repaired.report).toMatchObject({ loss: true, repaired: 1 });
      expect(await house.metadata.blob(layer.digest)).toBeUndefined();
      expect(await house.content.size(layer.digest)).toBeUndefined();
      expect(await house.quarantined()).toEqual(kind === 'missing' ? [] : [layer.digest]);
      expect((await house.verify()).report).toMatchObject({ loss: false, findings: {} });
    },
  );

  it.each([
    ['cut short', (house: CareHouse) => house.cutShort(layer.digest)],
    ['empty', (house: CareHouse) => house.cutShort(layer.digest, 0)],
    ['too long', (house: CareHouse) => appendFile(house.file(layer.digest), 'more')],
  ])('counts a blob that is %s as damaged', async (_, spoil) => {
    await using house = await holding();
    await spoil(house);
    expect((await house.verify()).report).toMatchObject({ loss: true, findings: { damaged: 1 } });
  });

  it('adopts an intact file that the database does not know', async () => {
    await using house = await holding();
    await house.fileBlob(stray);
    const before = await everything(house);
    const { findings, report } = await house.verify();
    expect(findings).toEqual([
      expect.objectContaining({ kind: 'orphan', loss: false, repaired: false, digest: stray.digest }),
    ]);
    expect(report).toMatchObject({ blobs: 4, loss: false });
    expect(await everything(house)).toEqual(before);

    expect((await house.verify(true)).report).toMatchObject({ loss: false, repaired: 1 });
    expect(await house.metadata.blob(stray.digest)).toBe(700);
    expect((await house.verify()).findings).toEqual([]);
  });

  it('puts aside a file that nobody knows and that is not what its name says, which is no loss', async () => {
    await using house = await holding();
    await house.fileBlob(stray);
    await house.damage(stray.digest);
    const { findings, report } = await house.verify(true);
    expect(findings).toEqual([
      expect.objectContaining({ kind: 'orphan-damaged', loss: false, repaired: true }),
    ]);
    expect(report.loss).toBe(false);
    expect(await house.quarantined()).toEqual([stray.digest]);
    expect(await house.metadata.blob(stray.digest)).toBeUndefined();
  });

  it('sees a blob whose file has the name of another', async () => {
    await using house = await holding();
    await rename(house.file(layer.digest), house.file(other.digest));
    const { report } = await house.verify();
    expect(report).toMatchObject({ loss: true, findings: { missing: 1, damaged: 1 } });
  });

  it('puts the size right that the database states for an intact blob', async () => {
    await using house = await holding();
    tamper(house, `UPDATE blob SET size = 17 WHERE digest = '${layer.digest}'`);
    expect((await house.verify()).findings).toEqual([
      expect.objectContaining({ kind: 'size', loss: false, repaired: false, digest: layer.digest }),
    ]);
    expect((await house.verify(true)).report).toMatchObject({ loss: false, repaired: 1 });
    expect(await house.metadata.blob(layer.digest)).toBe(5000);
    expect((await house.verify()).findings).toEqual([]);
  });

  it('removes a manifest whose bytes are wrong, which is a loss', async () => {
    await using house = await holding();
    tamper(house, `UPDATE manifest SET bytes = x'7b7d' WHERE digest = '${image.digest}'`);
    const { findings } = await house.verify();
    expect(findings).toEqual([
      expect.objectContaining({
        kind: 'manifest',
        loss: true,
        digest: image.digest,
        images: ['library/hello:latest'],
      }),
    ]);
    expect((await house.verify(true)).report).toMatchObject({ loss: true, repaired: 1 });
    expect(await house.metadata.anyManifest(image.digest)).toBeUndefined();
    expect((await house.verify()).report).toMatchObject({ loss: false });
  });

  it('names the tag of an index where a blob of one of its platforms is lost', async () => {
    await using house = await CareHouse.open();
    const index = makeIndex([image]);
    for (const blob of [image.config, layer, other]) await house.holdBlob(blob);
    await house.holdManifest(index, 'ghcr.io/owner/app', 'v1');
    await house.holdManifest(image, 'ghcr.io/owner/app');
    await house.lose(layer.digest);
    const { findings } = await house.verify();
    expect(findings[0]?.images).toEqual(['ghcr.io/owner/app:v1', `ghcr.io/owner/app@${image.digest}`]);
  });

  it('removes a tag that points to nothing, which is a loss', async () => {
    await using house = await holding();
    tamper(house, `UPDATE tag SET digest = '${layer.digest}'`);
    const { findings, report } = await house.verify();
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'tag', loss: true, repaired: false, images: ['library/hello:latest'] }),
    );
    expect(report.loss).toBe(true);
    await house.verify(true);
    expect(await house.metadata.tag(repository('library/hello'), 'latest' as Tag)).toBeUndefined();
    expect((await house.verify()).report).toMatchObject({ loss: false, findings: {} });
  });

  it('puts accounts right that do not add up', async () => {
    await using house = await holding();
    tamper(
      house,
      `UPDATE usage SET bytes = bytes + 1, blobs = blobs - 1`,
      `UPDATE repository SET bytes = 5`,
      `UPDATE upstream_usage SET bytes = bytes * 2`,
      `UPDATE blob SET loose = 1 WHERE digest = '${layer.digest}'`,
      `UPDATE repository_blob SET manifests = 0 WHERE digest = '${other.digest}'`,
    );
    const before = await everything(house);
    const { report } = await house.verify();
    expect(report.loss).toBe(false);
    expect(report.findings.accounts).toBeGreaterThanOrEqual(5);
    expect(await everything(house)).toEqual(before);

    expect((await house.verify(true)).report.repaired).toBe(report.findings.accounts);
    expect((await house.verify()).findings).toEqual([]);
    expect(await house.metadata.evictions.usage()).toMatchObject({
      blobs: 3,
      bytes: image.config.size + 11_000,
    });
  });

  it('removes the bytes of what was evicted before a crash', async () => {
    await using house = await holding();
    await house.fileBlob(stray);
    tamper(house, `INSERT INTO condemned VALUES ('${stray.digest}')`);
    expect((await house.verify()).findings).toEqual([
      expect.objectContaining({ kind: 'condemned', loss: false, repaired: false, digest: stray.digest }),
    ]);
    expect((await house.verify(true)).report).toMatchObject({ loss: false, repaired: 1 });
    expect(await house.content.size(stray.digest)).toBeUndefined();
    expect((await house.verify()).findings).toEqual([]);
  });

  it('tells of downloads that were cut off, which are no loss', async () => {
    await using house = await holding();
    const ingest = await house.content.ingest(stray.digest);
    await ingest.write([stray.bytes.subarray(0, 300)]);
    await ingest.close();
    const { findings, report } = await house.verify();
    expect(findings).toEqual([
      expect.objectContaining({ kind: 'partial', loss: false, digest: stray.digest }),
    ]);
    expect(report.loss).toBe(false);
  });

  it('writes down what it has verified only when it repairs', async () => {
    await using house = await holding();
    await house.clock.advance(1000);
    const due = () => house.metadata.inventory.dueForVerification(house.clock.now(), 10);
    await house.verify();
    expect(await due()).toHaveLength(3);
    await house.verify(true);
    expect(await due()).toHaveLength(0);
  });
});
