import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UpstreamError } from '../../src/upstream/registry.ts';
import { blobOf, mebibyte, RangesFixture } from '../unit/mirror/fill/ranges/harness.ts';
import { repeats } from '../support/depth.ts';

const bytes = blobOf(24);
const budget = 16 * mebibyte;
/** Blobs begin to be read for so long, in milliseconds. */
const budgetMs = 5_000;

const trouble = fc.record({
  nth: fc.integer({ min: 2, max: 30 }),
  kind: fc.constantFrom('cut', 'refused', 'whole', 'shorter', 'longer'),
  after: fc.nat(2 * mebibyte),
});

test('whatever ranges fail, what comes is the blob, from its front, and nothing is held afterwards', async () => {
  const end = performance.now() + budgetMs;
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        connection: fc.integer({ min: 5_000_000, max: 90_000_000 }),
        latencyMs: fc.integer({ min: 0, max: 80 }),
        connections: fc.integer({ min: 2, max: 9 }),
        most: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
        offset: fc.nat(8 * mebibyte),
        troubles: fc.array(trouble, { maxLength: 4 }),
        enough: fc.option(fc.nat(bytes.length), { nil: undefined }),
      }),
      async ({ connections, offset, troubles, enough, ...pace }) => {
        if (performance.now() > end) return;
        const fixture = new RangesFixture({ connections, minBytes: 4 * mebibyte }, budget);
        const host = fixture.host({ bytes, ...pace });
        const of = (nth: number, kind: string) =>
          troubles.find((one) => one.nth === nth && one.kind === kind);
        host.before = (_, nth) => {
          if (of(nth, 'refused')) throw new UpstreamError('unavailable', 'refused');
        };
        host.cutAfter = (_, nth) => of(nth, 'cut')?.after;
        host.longerBy = (_, nth) => (of(nth, 'longer') ? 7 : of(nth, 'shorter') ? -7 : 0);
        host.answering = (stream, _, nth) =>
          of(nth, 'whole') ? { ...stream, offset: 0, range: undefined } : stream;

        const read = await fixture.read(host, bytes.length, { offset, enough });

        expect(read.bytes.equals(bytes.subarray(offset, offset + read.bytes.length))).toBe(true);
        if (read.error === undefined && enough === undefined)
          expect(read.bytes.length).toBe(bytes.length - offset);
        await fixture.clock.advance(1);
        expect(host.connections).toBe(0);
        expect(fixture.budget.left).toBe(budget);
      },
    ),
    { numRuns: repeats(100, 500), endOnFailure: true },
  );
});
