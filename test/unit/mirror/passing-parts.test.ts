import { describe, expect, it } from 'vitest';
import type { BlobAnswer } from '../../../src/mirror/mirror.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { noise } from '../../support/image.ts';
import { MirrorFixture, readAll, target } from '../../support/mirror-fixture.ts';
import { wholeBody } from '../../support/scripted-upstream.ts';

const MiB = 1024 ** 2;
const size = 16 * MiB;
const bytes = noise(size, 'weights');
const model = target('library/llama3.3');

/** A mirror that has no room for the blob, and what upstream gives of it. */
async function openFixture(body = wholeBody): Promise<{ fixture: MirrorFixture; given: () => number }> {
  const fixture = await MirrorFixture.open({ space: { maxsize: { bytes: size / 2 } } });
  let given = 0;
  fixture.upstream.body = async function* counted(whole, offset) {
    for await (const chunk of body(whole, offset)) {
      given += chunk.length;
      yield chunk;
    }
  };
  return { fixture, given: () => given };
}

async function part(blob: BlobAnswer, start: number, end: number): Promise<Buffer> {
  const read = Buffer.alloc(end - start);
  for (let at = start; at < end;) {
    const count = await blob.read(read.subarray(at - start), end - at, at);
    if (count === 0) throw new Error('the blob ended');
    at += count;
  }
  await blob.close();
  return read;
}

describe('a blob that is too large to be stored, and is asked for in parts', () => {
  it('is fetched from where each part begins, and from the beginning only for the end', async () => {
    const { fixture, given } = await openFixture();
    await using _ = fixture;
    const digest = fixture.upstream.addBlob('library/llama3.3', bytes);

    const parts = await Promise.all(
      Array.from({ length: 16 }, async (_part, index) => {
        const blob = await fixture.mirror.openBlob(model, digest);
        return part(blob, index * MiB, (index + 1) * MiB);
      }),
    );

    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    // Each part once, the whole for the last, which waits for the hash, and what is under way when a part
    // ends.
    expect(given()).toBeLessThan(2.25 * size);
  });

  it('is verified where it is read from its first byte on', async () => {
    const { fixture, given } = await openFixture();
    await using _ = fixture;
    const digest = fixture.upstream.addBlob('library/llama3.3', bytes);
    const blob = await fixture.mirror.openBlob(model, digest);

    expect((await readAll(blob)).equals(bytes)).toBe(true);
    expect(given()).toBeLessThan(1.1 * size);
  });

  it('is not given to its end where it turns out to be another, nor the end of it alone', async () => {
    const wrong = Buffer.from(bytes);
    wrong[5 * MiB] = (wrong[5 * MiB] ?? 0) ^ 1;
    const { fixture } = await openFixture((_whole, offset) => wholeBody(wrong, offset));
    await using _ = fixture;
    const digest = fixture.upstream.addBlob('library/llama3.3', bytes);
    const blob = await fixture.mirror.openBlob(model, digest);

    await expect(part(blob, 15 * MiB, size)).rejects.toThrow('does not match its digest');
    const before = await fixture.mirror.openBlob(model, digest);
    expect((await part(before, 2 * MiB, 3 * MiB)).equals(bytes.subarray(2 * MiB, 3 * MiB))).toBe(true);
  });

  it('is taken whole, and passed over, from a host that refuses ranges', async () => {
    const { fixture } = await openFixture();
    await using _ = fixture;
    const digest = fixture.upstream.addBlob('library/llama3.3', bytes);
    fixture.upstream.before = (request) => {
      const [kind, , , offset] = request.split(' ');
      if (kind === 'BLOB' && offset !== '0')
        throw new UpstreamError('range', 'upstream refuses ranges', { status: 416 });
    };
    const blob = await fixture.mirror.openBlob(model, digest);
    const reading = part(blob, 3 * MiB, 4 * MiB);
    const over = reading.then(() => true);
    while (!(await Promise.race([over, fixture.clock.advance(10_000).then(() => false)])));

    expect((await reading).equals(bytes.subarray(3 * MiB, 4 * MiB))).toBe(true);
  });

  it('is cut where upstream has less of it than it stated, and nothing that is stored is to blame', async () => {
    const { fixture } = await openFixture();
    await using _ = fixture;
    const digest = fixture.upstream.addBlob('library/llama3.3', bytes);
    const honest = fixture.upstream.openBlob.bind(fixture.upstream);
    fixture.upstream.openBlob = async (name, asked, range) => {
      const { offset } = range;
      const stream = await honest(name, asked, range);
      const less = bytes.subarray(0, 10 * MiB);
      return offset === 0 ? stream : { ...stream, size: less.length, body: wholeBody(less, offset) };
    };
    const blob = await fixture.mirror.openBlob(model, digest);

    await expect(part(blob, 9 * MiB, 11 * MiB)).rejects.toThrow('wrong size');

    expect(fixture.log.filter(({ msg }) => String(msg).includes('damaged'))).toEqual([]);
  });

  it('is cut where upstream has fewer bytes of it than it gave, and nothing that is stored is to blame', async () => {
    const { fixture } = await openFixture();
    await using _ = fixture;
    const digest = fixture.upstream.addBlob('library/llama3.3', bytes);
    const honest = fixture.upstream.openBlob.bind(fixture.upstream);
    fixture.upstream.openBlob = async (name, asked, range) => {
      const { offset } = range;
      const stream = await honest(name, asked, range);
      if (offset === 0) return stream;
      if (offset > 9 * MiB) return { ...stream, size: offset - 1 };
      const body = async function* (): AsyncGenerator<Buffer> {
        yield* wholeBody(bytes.subarray(0, 10 * MiB), offset);
        await Promise.resolve();
        throw new UpstreamError('unavailable', 'the connection was reset');
      };
      return { ...stream, body: body() };
    };
    const blob = await fixture.mirror.openBlob(model, digest);
    const reading = part(blob, 9 * MiB, 11 * MiB);
    const over = reading.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([over, fixture.clock.advance(10_000).then(() => false)])));

    await expect(reading).rejects.toMatchObject({ status: 502 });
    expect(fixture.log.filter(({ msg }) => String(msg).includes('damaged'))).toEqual([]);
  });

  it('is read back and forth, as several ranges of one answer ask for it', async () => {
    const { fixture } = await openFixture();
    await using _ = fixture;
    const digest = fixture.upstream.addBlob('library/llama3.3', bytes);
    const blob = await fixture.mirror.openBlob(model, digest);
    const read = Buffer.alloc(4096);
    for (const at of [12 * MiB, 12.5 * MiB, 4 * MiB, 9 * MiB]) {
      const count = await blob.read(read, read.length, at);
      expect(read.subarray(0, count).equals(bytes.subarray(at, at + count))).toBe(true);
    }
    await blob.close();

    // What is near is passed over; what is not, is asked for.
    const asked = fixture.upstream.requests.map((request) => Number(request.split(' ').at(-1)));
    expect(asked.filter((offset) => offset > 0)).toEqual([12 * MiB, 4 * MiB, 9 * MiB]);
  });
});
