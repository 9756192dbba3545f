import { describe, expect, it } from 'vitest';
import type { ContentSink, GivenImage } from '../../src/cache/transfer/content-sink.ts';
import { ControlClient } from '../../src/control/control-client.ts';
import { remoteContentSink } from '../../src/control/remote-content-sink.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { RepositoryName, Tag, UpstreamName } from '../../src/oci/reference.ts';
import { StoreError } from '../../src/store/store-error.ts';
import { ControlFixture } from '../support/control-fixture.ts';
import { eventually, within } from '../support/deadline.ts';
import { content, makeImage, noise } from '../support/image.ts';

const blob = content(noise(5_000_000, 'given'), 'application/octet-stream');
const { digest, size } = blob;
const repository = { upstream: 'docker.io' as UpstreamName, name: 'library/hello' as RepositoryName };

function sinkOf({ folder }: ControlFixture, signal?: AbortSignal): ContentSink {
  return remoteContentSink(new ControlClient(folder.path, signal));
}

/** Bytes in chunks; then an error, if so wanted. */
async function* chunks(bytes: Buffer, then?: 'fail'): AsyncGenerator<Buffer> {
  for (let position = 0; position < bytes.length; position += 100_000) {
    await Promise.resolve();
    yield bytes.subarray(position, position + 100_000);
  }
  if (then === 'fail') throw new Error('the stick was pulled');
}

describe('a blob that is given to a running server', () => {
  it.each([0, 1, 4_999_999, 5_000_000])('arrives from byte %d on', async (offset) => {
    await using fixture = await ControlFixture.open();
    const { sink } = fixture.services.transfer;
    sink.blobs.set(digest, blob.bytes.subarray(0, offset));
    const given = sinkOf(fixture).putBlob({ digest, size, offset }, chunks(blob.bytes.subarray(offset)));
    expect(await within(60_000, 'the blob', given)).toEqual({ state: 'stored' });
    expect(sink.blobs.get(digest)?.equals(blob.bytes)).toBe(true);
  });

  it('may be there already, while its giver still has bytes to send or waits for them', async () => {
    await using fixture = await ControlFixture.open();
    fixture.services.transfer.sink.held.add(digest);
    for (const bytes of [chunks(blob.bytes), chunks(Buffer.alloc(0))]) {
      const given = sinkOf(fixture).putBlob({ digest, size, offset: 0 }, bytes);
      expect(await within(60_000, 'the answer', given)).toEqual({ state: 'held' });
      expect(await bytes.next()).toMatchObject({ done: true });
    }
  });

  it('may have to be given from further back', async () => {
    await using fixture = await ControlFixture.open();
    const given = sinkOf(fixture).putBlob({ digest, size, offset: 10 }, chunks(blob.bytes.subarray(10)));
    expect(await within(60_000, 'the answer', given)).toEqual({ state: 'gap', offset: 0 });
  });

  it('stays as far as it came when its giver fails, which the giver hears of', async () => {
    await using fixture = await ControlFixture.open();
    const { sink } = fixture.services.transfer;
    const given = sinkOf(fixture).putBlob(
      { digest, size, offset: 0 },
      chunks(blob.bytes.subarray(0, 300_000), 'fail'),
    );
    await expect(within(60_000, 'the failure', given)).rejects.toThrow('the stick was pulled');
    await eventually(60_000, 'the end of the upload', () => sink.arriving === 0);
    expect(fixture.log).not.toContain('unexpectedly');
  });

  it('is given up by a giver that is interrupted', async () => {
    await using fixture = await ControlFixture.open();
    const { sink } = fixture.services.transfer;
    const interrupted = new AbortController();
    let position = 0;
    const slow = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          if (sink.arriving > 0) interrupted.abort(new Error('Ctrl-C'));
          await new Promise((resolve) => setImmediate(resolve));
          position += 1;
          return { done: position > 10_000, value: blob.bytes.subarray(0, 10) };
        },
      }),
    };
    const given = sinkOf(fixture, interrupted.signal).putBlob({ digest, size, offset: 0 }, slow);
    await expect(within(60_000, 'the interruption', given)).rejects.toThrow('Ctrl-C');
    await eventually(60_000, 'the end of the upload', () => sink.arriving === 0);
  });

  it('is refused with the reason that the server has', async () => {
    await using fixture = await ControlFixture.open();
    fixture.services.transfer.sink.failure = new StoreError('NO_SPACE', 'the disk is full');
    const given = sinkOf(fixture).putBlob({ digest, size, offset: 0 }, chunks(blob.bytes));
    await expect(within(60_000, 'the refusal', given)).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'the disk is full',
    });
  });

  it('does not keep the server from stopping', async () => {
    await using fixture = await ControlFixture.open();
    const { sink } = fixture.services.transfer;
    const held = Promise.withResolvers<void>();
    async function* waiting(): AsyncGenerator<Buffer> {
      yield blob.bytes.subarray(0, 100_000);
      await held.promise;
    }
    const given = sinkOf(fixture).putBlob({ digest, size, offset: 0 }, waiting());
    const refusal = given.then(
      () => undefined,
      (error: unknown) => error,
    );
    await eventually(60_000, 'the upload', () => sink.arriving > 0);
    const closed = fixture.close();
    held.resolve();
    await closed;
    expect(await within(60_000, 'the end of the upload', refusal)).toMatchObject({ kind: 'unavailable' });
  });
});

describe('of a running server', () => {
  it('the cache says what of many blobs has to be given', async () => {
    await using fixture = await ControlFixture.open();
    const blobs = Array.from({ length: 10_001 }, (_, index) => ({
      digest: digestOf(Buffer.from(String(index))),
      size: index,
    }));
    const { sink } = fixture.services.transfer;
    for (const one of blobs.slice(1)) sink.held.add(one.digest);
    const lacking = await sinkOf(fixture).lacking(repository, blobs);
    expect(lacking).toEqual([{ ...blobs[0], held: false, offset: 0 }]);
    expect(sink.asked.map((one) => one.blobs.length)).toEqual([10_000, 1]);
    expect(sink.asked[0]?.repository).toEqual(repository);
  });

  it('an image is put in, with its manifests byte for byte', async () => {
    await using fixture = await ControlFixture.open();
    const image = makeImage();
    const given: GivenImage = {
      repository,
      root: image.digest,
      manifests: [{ mediaType: image.mediaType, digest: image.digest, size: image.size, bytes: image.bytes }],
      tag: { name: '1' as Tag, checkedAt: 5, replaces: true },
      proven: [image.config.digest],
      pin: true,
    };
    const { sink } = fixture.services.transfer;
    sink.outcome = { tag: 'moved', pinned: 'hello:1' };
    expect(await sinkOf(fixture).putImage(given)).toEqual(sink.outcome);
    sink.outcome = { tag: 'none', pinned: undefined };
    expect(await sinkOf(fixture).putImage({ ...given, tag: undefined })).toEqual(sink.outcome);
    expect(sink.images).toEqual([given, { ...given, tag: undefined }]);
    expect(fixture.log).toContain('"operation":"put-image"');
    expect(fixture.log).not.toContain(image.bytes.toString('base64'));
  });
});
