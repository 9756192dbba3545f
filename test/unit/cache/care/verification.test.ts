import { appendFile, rename } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { CareFixture, repository } from '../../../support/care-fixture.ts';
import { makeImage, makeIndex } from '../../../support/image.ts';
import type { Tag } from '../../../../src/oci/reference.ts';

const image = makeImage({ layers: [5000, 6000] });
const [layer, other] = image.layers;
if (layer === undefined || other === undefined) throw new Error('the image has two layers');
const stray = makeImage({ layers: [700], seed: 2 }).layers[0];
if (stray === undefined) throw new Error('the image has a layer');

async function holding(): Promise<CareFixture> {
  const fixture = await CareFixture.open();
  await fixture.hold(image, 'library/hello', 'latest');
  return fixture;
}

/** Changes the database behind everybody's back. */
function tamper(fixture: CareFixture, ...statements: readonly string[]): void {
  const database = new Database(fixture.database);
  database.pragma('foreign_keys = OFF');
  for (const statement of statements) database.exec(statement);
  database.close();
}

/** All that a verification might change. */
async function everything(fixture: CareFixture): Promise<unknown> {
  const database = new Database(fixture.database, { readonly: true });
  const tables = ['blob', 'manifest', 'tag', 'repository', 'repository_blob', 'usage', 'condemned'];
  const rows = tables.map((table) => database.prepare(`SELECT * FROM ${table}`).all());
  database.close();
  const files = await Array.fromAsync(fixture.content.list());
  return { rows, files: files.toSorted((one, two) => (one.digest < two.digest ? -1 : 1)) };
}

describe('a verification', () => {
  it('finds nothing in a store that is whole, and says how much it has looked at', async () => {
    await using fixture = await holding();
    const { findings, report } = await fixture.verify();
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
    await using fixture = await CareFixture.open();
    const { findings, report } = await fixture.verify(true);
    expect(findings).toEqual([]);
    expect(report).toMatchObject({ blobs: 0, loss: false });
  });

  it('tells how far it is, up to the end', async () => {
    await using fixture = await holding();
    const events = await Array.fromAsync(fixture.caretaker.verify({ repair: false }));
    const progress = events.flatMap((event) => (event.type === 'progress' ? [event.progress] : []));
    const bytes = image.config.size + 11_000;
    expect(progress[0]).toEqual({ blobs: 0, bytes: 0, totalBlobs: 3, totalBytes: bytes });
    expect(progress.at(-1)).toEqual({ blobs: 3, bytes, totalBlobs: 3, totalBytes: bytes });
  });

  it.each([
    ['damaged', 'damaged', (fixture: CareFixture) => fixture.damage(layer.digest)],
    ['missing', 'missing', (fixture: CareFixture) => fixture.lose(layer.digest)],
  ])(
    'counts a blob that is %s as a loss, names its images, and takes it out of use',
    async (_, kind, spoil) => {
      await using fixture = await holding();
      await spoil(fixture);
      const before = await everything(fixture);
      const { findings, report } = await fixture.verify();
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
      expect(await everything(fixture)).toEqual(before);

      const repaired = await fixture.verify(true);
      expect(repaired.report).toMatchObject({ loss: true, repaired: 1 });
      expect(await fixture.metadata.blob(layer.digest)).toBeUndefined();
      expect(await fixture.content.size(layer.digest)).toBeUndefined();
      expect(await fixture.quarantined()).toEqual(kind === 'missing' ? [] : [layer.digest]);
      expect((await fixture.verify()).report).toMatchObject({ loss: false, findings: {} });
    },
  );

  it.each([
    ['cut short', (fixture: CareFixture) => fixture.cutShort(layer.digest)],
    ['empty', (fixture: CareFixture) => fixture.cutShort(layer.digest, 0)],
    ['too long', (fixture: CareFixture) => appendFile(fixture.file(layer.digest), 'more')],
  ])('counts a blob that is %s as damaged', async (_, spoil) => {
    await using fixture = await holding();
    await spoil(fixture);
    expect((await fixture.verify()).report).toMatchObject({ loss: true, findings: { damaged: 1 } });
  });

  it('adopts an intact file that the database does not know', async () => {
    await using fixture = await holding();
    await fixture.fileBlob(stray);
    const before = await everything(fixture);
    const { findings, report } = await fixture.verify();
    expect(findings).toEqual([
      expect.objectContaining({ kind: 'orphan', loss: false, repaired: false, digest: stray.digest }),
    ]);
    expect(report).toMatchObject({ blobs: 4, loss: false });
    expect(await everything(fixture)).toEqual(before);

    expect((await fixture.verify(true)).report).toMatchObject({ loss: false, repaired: 1 });
    expect(await fixture.metadata.blob(stray.digest)).toBe(700);
    expect((await fixture.verify()).findings).toEqual([]);
  });

  it('puts aside a file that nobody knows and that is not what its name says, which is no loss', async () => {
    await using fixture = await holding();
    await fixture.fileBlob(stray);
    await fixture.damage(stray.digest);
    const { findings, report } = await fixture.verify(true);
    expect(findings).toEqual([
      expect.objectContaining({ kind: 'orphan-damaged', loss: false, repaired: true }),
    ]);
    expect(report.loss).toBe(false);
    expect(await fixture.quarantined()).toEqual([stray.digest]);
    expect(await fixture.metadata.blob(stray.digest)).toBeUndefined();
  });

  it('sees a blob whose file has the name of another', async () => {
    await using fixture = await holding();
    await rename(fixture.file(layer.digest), fixture.file(other.digest));
    const { report } = await fixture.verify();
    expect(report).toMatchObject({ loss: true, findings: { missing: 1, damaged: 1 } });
  });

  it('puts the size right that the database states for an intact blob', async () => {
    await using fixture = await holding();
    tamper(fixture, `UPDATE blob SET size = 17 WHERE digest = '${layer.digest}'`);
    expect((await fixture.verify()).findings).toEqual([
      expect.objectContaining({ kind: 'size', loss: false, repaired: false, digest: layer.digest }),
    ]);
    expect((await fixture.verify(true)).report).toMatchObject({ loss: false, repaired: 1 });
    expect(await fixture.metadata.blob(layer.digest)).toBe(5000);
    expect((await fixture.verify()).findings).toEqual([]);
  });

  it('removes a manifest whose bytes are wrong, which is a loss', async () => {
    await using fixture = await holding();
    tamper(fixture, `UPDATE manifest SET bytes = x'7b7d' WHERE digest = '${image.digest}'`);
    const { findings } = await fixture.verify();
    expect(findings).toEqual([
      expect.objectContaining({
        kind: 'manifest',
        loss: true,
        digest: image.digest,
        images: ['library/hello:latest'],
      }),
    ]);
    expect((await fixture.verify(true)).report).toMatchObject({ loss: true, repaired: 1 });
    expect(await fixture.metadata.anyManifest(image.digest)).toBeUndefined();
    expect((await fixture.verify()).report).toMatchObject({ loss: false });
  });

  it('names the tag of an index where a blob of one of its platforms is lost', async () => {
    await using fixture = await CareFixture.open();
    const index = makeIndex([image]);
    for (const blob of [image.config, layer, other]) await fixture.holdBlob(blob);
    await fixture.holdManifest(index, 'ghcr.io/owner/app', 'v1');
    await fixture.holdManifest(image, 'ghcr.io/owner/app');
    await fixture.lose(layer.digest);
    const { findings } = await fixture.verify();
    expect(findings[0]?.images).toEqual(['ghcr.io/owner/app:v1', `ghcr.io/owner/app@${image.digest}`]);
  });

  it('removes a tag that points to nothing, which is a loss', async () => {
    await using fixture = await holding();
    tamper(fixture, `UPDATE tag SET digest = '${layer.digest}'`);
    const { findings, report } = await fixture.verify();
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'tag', loss: true, repaired: false, images: ['library/hello:latest'] }),
    );
    expect(report.loss).toBe(true);
    await fixture.verify(true);
    expect(await fixture.metadata.tag(repository('library/hello'), 'latest' as Tag)).toBeUndefined();
    expect((await fixture.verify()).report).toMatchObject({ loss: false, findings: {} });
  });

  it('puts accounts right that do not add up', async () => {
    await using fixture = await holding();
    tamper(
      fixture,
      `UPDATE usage SET bytes = bytes + 1, blobs = blobs - 1`,
      `UPDATE repository SET bytes = 5`,
      `UPDATE upstream_usage SET bytes = bytes * 2`,
      `UPDATE blob SET loose = 1 WHERE digest = '${layer.digest}'`,
      `UPDATE repository_blob SET manifests = 0 WHERE digest = '${other.digest}'`,
    );
    const before = await everything(fixture);
    const { report } = await fixture.verify();
    expect(report.loss).toBe(false);
    expect(report.findings.accounts).toBeGreaterThanOrEqual(5);
    expect(await everything(fixture)).toEqual(before);

    expect((await fixture.verify(true)).report.repaired).toBe(report.findings.accounts);
    expect((await fixture.verify()).findings).toEqual([]);
    expect(await fixture.metadata.evictions.usage()).toMatchObject({
      blobs: 3,
      bytes: image.config.size + 11_000,
    });
  });

  it('removes the bytes of what was evicted before a crash', async () => {
    await using fixture = await holding();
    await fixture.fileBlob(stray);
    tamper(fixture, `INSERT INTO condemned VALUES ('${stray.digest}')`);
    expect((await fixture.verify()).findings).toEqual([
      expect.objectContaining({ kind: 'condemned', loss: false, repaired: false, digest: stray.digest }),
    ]);
    expect((await fixture.verify(true)).report).toMatchObject({ loss: false, repaired: 1 });
    expect(await fixture.content.size(stray.digest)).toBeUndefined();
    expect((await fixture.verify()).findings).toEqual([]);
  });

  it('tells of downloads that were cut off, which are no loss', async () => {
    await using fixture = await holding();
    const ingest = await fixture.content.ingest(stray.digest);
    await ingest.write([stray.bytes.subarray(0, 300)]);
    await ingest.close();
    const { findings, report } = await fixture.verify();
    expect(findings).toEqual([
      expect.objectContaining({ kind: 'partial', loss: false, digest: stray.digest }),
    ]);
    expect(report.loss).toBe(false);
  });

  it('writes down what it has verified only when it repairs', async () => {
    await using fixture = await holding();
    await fixture.clock.advance(1000);
    const due = () => fixture.metadata.inventory.dueForVerification(fixture.clock.now(), 10);
    await fixture.verify();
    expect(await due()).toHaveLength(3);
    await fixture.verify(true);
    expect(await due()).toHaveLength(0);
  });
});
