import { describe, expect, it } from 'vitest';
import { ReceivedPrefix } from '../../../../src/mirror/fill/received-prefix.ts';
import { ResumableBlob } from '../../../../src/mirror/fill/resumable-blob.ts';
import { UpstreamError } from '../../../../src/upstream/registry.ts';
import { noise } from '../../../support/image.ts';
import { logLines } from '../../../support/log-lines.ts';
import { TestClock } from '../../../support/test-clock.ts';

const bytes = noise(3000, 'resumed');
const stored = 1000;

/** What is trusted of the prefix when the first new byte comes, from a source that refuses ranges. */
async function trustedAtFirstByte(chunkBytes: number): Promise<number> {
  const prefix = new ReceivedPrefix(
    {
      read: (buffer, length, position) =>
        Promise.resolve(bytes.copy(buffer, 0, position, Math.min(stored, position + length))),
    },
    () => false,
  );
  const refused = new UpstreamError('range', 'no ranges', { status: 416 });
  const blob = new ResumableBlob(stored, {
    open: ({ offset }) => {
      if (offset > 0) return Promise.reject(refused);
      const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_chunk, index) =>
        bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
      );
      const body = (async function* sent() {
        yield* await Promise.resolve(chunks);
      })();
      return Promise.resolve({
        offset,
        size: bytes.length,
        body,
        host: 'test',
        ended: Promise.resolve(undefined),
      });
    },
    hint: undefined,
    prefix,
    outlook: () => 'fine',
    signal: new AbortController().signal,
    clock: new TestClock(0),
    logger: logLines().logger,
    random: () => 0,
  });
  // Whether nothing is missing is for the hash to say first.
  for await (const _ of blob.bytes(() => undefined)) throw new Error('a byte came by range');
  expect(blob.goesOn()).toBe(true);
  for await (const _ of blob.bytes(() => undefined)) return prefix.trusted;
  throw new Error('no byte came');
}

describe('a blob of which a prefix is stored, from an upstream that refuses ranges', () => {
  it.each([300, stored / 2, stored])(
    'may go out again once the prefix is compared, in chunks of %d bytes',
    async (chunkBytes) => {
      expect(await trustedAtFirstByte(chunkBytes)).toBe(Infinity);
    },
  );
});
