import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../../src/oci/digest.ts';
import { StoreError } from '../../../../src/store/store-error.ts';
import type { BlobOutcome, ContentSink } from '../../../../src/cache/transfer/content-sink.ts';
import { CareFixture, repository } from '../../../support/care-fixture.ts';
import { within } from '../../../support/deadline.ts';
import { content, noise, type Content } from '../../../support/image.ts';
import { withMethods } from '../../../support/import-fixture.ts';

const blob = content(noise(3_000_000, 'blob'), 'application/octet-stream');
const hello = repository('library/hello');

/** Bytes in chunks of an odd size; `cut`: where they fail. */
async function* chunks(bytes: Buffer, cut = Infinity): AsyncGenerator<Buffer> {
  for (let position = 0; position < bytes.length; position += 70_001) {
    await Promise.resolve();
    if (position >= cut) throw new Error('the stick was pulled');
    yield bytes.subarray(position, position + 70_001);
  }
}

function give(sink: ContentSink, { digest, size, bytes }: Content, offset = 0): Promise<BlobOutcome> {
  return sink.putBlob({ digest, size, offset }, chunks(bytes.subarray(offset)));
}

async function read(fixture: CareFixture, digest: Digest): Promise<Buffer | undefined> {
  const reader = await fixture.content.open(digest);
  if (reader === undefined) return undefined;
  const buffer = Buffer.alloc(reader.size);
  await reader.read(buffer, reader.size, 0);
  await reader.close();
  return buffer;
}

describe('a blob that is given', () => {
  it('is stored once it is verified', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    expect(await sink.lacking(undefined, [blob])).toEqual([
      { digest: blob.digest, size: blob.size, held: false, offset: 0 },
    ]);

    expect(await give(sink, blob)).toEqual({ state: 'stored' });

    expect(await read(fixture, blob.digest)).toEqual(blob.bytes);
    expect(await fixture.metadata.blob(blob.digest)).toBe(blob.size);
    expect(await fixture.content.unrecorded()).toEqual([]);
    expect(await sink.lacking(undefined, [blob])).toEqual([]);
  });

  it('is not asked for again, but for its proof in a repository that is not known to have it', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await fixture.holdBlob(blob);
    const lacking = { digest: blob.digest, size: blob.size, held: true, offset: 0 };
    expect(await sink.lacking(hello, [blob])).toEqual([lacking]);
    await fixture.metadata.putRepositoryBlob(hello, blob.digest, blob.size);
    expect(await sink.lacking(hello, [blob])).toEqual([]);
    expect(await sink.lacking(repository('library/other'), [blob])).toEqual([lacking]);
  });

  it('is not read when it is here already', async () => {
    await using fixture = await CareFixture.open();
    await fixture.holdBlob(blob);
    const unread = chunks(Buffer.alloc(1), 0);
    const { digest, size } = blob;
    expect(await fixture.transfer.sink.putBlob({ digest, size, offset: 0 }, unread)).toEqual({
      state: 'held',
    });
  });

  it('goes on where it was cut off', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    const { digest, size, bytes } = blob;
    const cut = sink.putBlob({ digest, size, offset: 0 }, chunks(bytes, 2_500_000));
    await expect(cut).rejects.toThrow('the stick was pulled');
    const [lacking] = await sink.lacking(undefined, [blob]);
    expect(lacking?.offset).toBeGreaterThan(1_000_000);
    expect(fixture.space.leftovers.bytes).toBe(lacking?.offset);

    expect(await give(sink, blob, lacking?.offset)).toEqual({ state: 'stored' });

    expect(await read(fixture, digest)).toEqual(bytes);
    expect(fixture.space.leftovers.bytes).toBe(0);
  });

  it('goes on from further back, and says so when it cannot go on from where it is given', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    const ingest = await fixture.content.ingest(blob.digest);
    await ingest.write([blob.bytes.subarray(0, 1_000_000)]);
    await ingest.close();

    expect(await give(sink, blob, 1_000_001)).toEqual({ state: 'gap', offset: 1_000_000 });
    expect(await give(sink, blob, 999_999)).toEqual({ state: 'stored' });

    expect(await read(fixture, blob.digest)).toEqual(blob.bytes);
  });

  it.each([
    ['other bytes', Buffer.from(blob.bytes).fill(0, 2_999_999)],
    ['more bytes', Buffer.concat([blob.bytes, Buffer.alloc(1)])],
  ])('leaves nothing when it has %s than its digest says', async (_, bytes) => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    const { digest, size } = blob;
    const outcome = await sink.putBlob({ digest, size, offset: 0 }, chunks(bytes));
    expect(outcome).toEqual({ state: 'mismatch' });
    expect(await fixture.content.size(digest)).toBeUndefined();
    expect(await sink.lacking(undefined, [blob])).toMatchObject([{ held: false, offset: 0 }]);
  });

  it('is refused when it ends early, and what has come stays', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    const { digest, size } = blob;
    const given = sink.putBlob({ digest, size, offset: 0 }, chunks(blob.bytes.subarray(0, 1000)));
    await expect(given).rejects.toThrow(`${digest} ended after 1000 of ${size} bytes`);
    expect(await sink.lacking(undefined, [blob])).toMatchObject([{ offset: 1000 }]);
  });

  it('without a byte is stored', async () => {
    await using fixture = await CareFixture.open();
    const empty = content(Buffer.alloc(0), 'application/octet-stream');
    expect(await give(fixture.transfer.sink, empty)).toEqual({ state: 'stored' });
    expect(await fixture.metadata.blob(empty.digest)).toBe(0);
  });

  it('waits for a pull that fetches it, and is then here', async () => {
    await using fixture = await CareFixture.open();
    const { digest, size, bytes } = blob;
    const ingest = await fixture.content.ingest(digest);
    const use = fixture.space.inUse.hold(digest);
    const given = give(fixture.transfer.sink, blob);
    await ingest.write([bytes]);
    await ingest.commit();
    await fixture.metadata.putBlob(digest, size);
    await fixture.content.recorded(digest);
    use[Symbol.dispose]();
    expect(await within(60_000, 'the end of the pull', given)).toEqual({ state: 'held' });
    await ingest.close();
    expect(await read(fixture, digest)).toEqual(bytes);
  });

  it('takes over from a pull that was given up', async () => {
    await using fixture = await CareFixture.open();
    const { digest, bytes } = blob;
    const ingest = await fixture.content.ingest(digest);
    await ingest.write([bytes.subarray(0, 1000)]);
    const given = give(fixture.transfer.sink, blob);
    await ingest.close();
    expect(await within(60_000, 'the blob', given)).toEqual({ state: 'stored' });
    expect(await read(fixture, digest)).toEqual(bytes);
  });

  it('may be given twice at once', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    const outcomes = await Promise.all([give(sink, blob), give(sink, blob)]);
    expect(outcomes.map(({ state }) => state).toSorted()).toEqual(['held', 'stored']);
    expect(await read(fixture, blob.digest)).toEqual(blob.bytes);
  });

  it('is refused where there is no room for it without an eviction', async () => {
    await using fixture = await CareFixture.open({ space: { maxsize: { bytes: 2 * 2 ** 20 } } });
    await expect(give(fixture.transfer.sink, blob)).rejects.toThrow(
      /^no room for a blob of 2 MiB: storage.maxsize is 2 MiB, and .* are taken$/u,
    );
    expect(fixture.space.inUse.has(blob.digest)).toBe(false);
  });

  it('is dropped when the disk is full, and said to be', async () => {
    await using fixture = await CareFixture.open({
      wrapContent: (store) =>
        withMethods(store, {
          ingest: async (digest) => {
            const ingest = await store.ingest(digest);
            let written = 0;
            return withMethods(ingest, {
              write: async (batch) => {
                if ((written += 1) > 1) throw new StoreError('NO_SPACE', 'the disk is full');
                await ingest.write(batch);
              },
            });
          },
        }),
    });
    await expect(give(fixture.transfer.sink, blob)).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(await Array.fromAsync(fixture.content.listPartial())).toEqual([]);
    expect(fixture.space.leftovers.bytes).toBe(0);
    expect(fixture.space.reservations.total).toBe(0);
  });
});
