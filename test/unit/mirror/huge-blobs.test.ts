import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { dockerImageConfig, mediaTypes } from '../../../src/oci/media-type.ts';
import { Layout } from '../../../src/store/filesystem/layout.ts';
import type { BlobRange, BlobStream } from '../../../src/upstream/registry.ts';
import { endedBody } from '../../support/ended-body.ts';
import { byTag, MirrorFixture, target } from '../../support/mirror-fixture.ts';
import { RangesFixture } from './fill/ranges/harness.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const repository = 'library/llama3.3';
const llama = target(repository);

/** The model of a manifest, which has more bytes than 32 bits can count. */
const weights = {
  mediaType: 'application/vnd.ollama.image.model',
  digest: digestOf(Buffer.from('5 GiB of weights')),
  size: 5 * GiB + 7,
};
const config = { mediaType: dockerImageConfig, digest: digestOf(Buffer.from('{}')), size: 2 };
const { dockerManifest: mediaType } = mediaTypes;
const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [weights] }));

describe('a blob of more than 4 GiB', () => {
  it('is read where 32 bits end, and counts as what it is, before and after a restart', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest(repository, manifest, 'latest');
    await fixture.mirror.manifest(llama, byTag('latest'), 'GET');
    // A file with a hole takes no room; what is served is not hashed again.
    const file = new Layout(fixture.path).blob(weights.digest);
    await mkdir(dirname(file), { recursive: true });
    const marks = [2 ** 31 - 2, 2 ** 32 - 2, weights.size - 4];
    const handle = await open(file, 'w');
    for (const at of marks) await handle.write(Buffer.from('mark'), 0, 4, at);
    await handle.close();
    await fixture.metadata.putBlob(weights.digest, weights.size);

    for (const _ of ['before', 'after']) {
      const blob = await fixture.mirror.openBlob(llama, weights.digest);
      expect(blob).toMatchObject({ result: 'hit', size: weights.size });
      const read = Buffer.alloc(4);
      for (const at of marks) {
        expect(await blob.read(read, 4, at)).toBe(4);
        expect(read.toString()).toBe('mark');
      }
      await blob.close();
      expect(await fixture.mirror.statBlob(llama, weights.digest)).toMatchObject({ size: weights.size });
      const [image] = await fixture.metadata.inventory.images(undefined, 1);
      expect(image?.bytes).toBe(weights.size + manifest.length);
      await fixture.restart();
    }
  });

  it('is fetched in ranges past that, each byte once', async () => {
    const fixture = new RangesFixture({ minBytes: 2 * MiB });
    const size = 40 * GiB;
    const from = size - 6 * MiB;
    const spans: { readonly start: number; readonly end: number }[] = [];
    const part = ({ offset: start, end = size }: BlobRange): Promise<BlobStream> => {
      spans.push({ start, end });
      async function* body(): AsyncGenerator<Buffer> {
        await Promise.resolve();
        for (let at = start; at < end; at += 64 * 1024) yield Buffer.alloc(Math.min(64 * 1024, end - at));
      }
      return Promise.resolve({ offset: start, size, host: 'storage', ...endedBody(body()), range: part });
    };

    const stream = await fixture.ranges.opener(part)({ offset: from }, size);
    let received = 0;
    for await (const chunk of stream.body) received += chunk.length;

    expect(received).toBe(size - from);
    expect(spans.length).toBeGreaterThan(1);
    for (const [index, { start }] of spans.entries()) expect(start).toBe(spans[index - 1]?.end ?? from);
    expect(spans.at(-1)?.end).toBe(size);
  });
});
