import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentOf } from '../../src/http/content.ts';
import { contentRange, parseRanges } from '../../src/http/range.ts';
import { receivedParts } from '../support/byteranges.ts';
import { noise } from '../support/image.ts';
import { repeats } from '../support/depth.ts';

const sizes = fc.oneof(fc.nat(20), fc.maxSafeNat());

test('any text gives nothing, or spans of at least one byte within the content that do not overlap', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.string().map((text) => `bytes=${text}`),
    fc.stringMatching(/^bytes=[0-9]{0,20}-[0-9]{0,20}$/),
    fc.stringMatching(/^bytes=([0-9]{0,2}-[0-9]{0,2}[, ]{0,2}){0,10}$/),
  );
  fc.assert(
    fc.property(texts, sizes, (text, size) => {
      const spans = parseRanges(text, size);
      if (spans === undefined || spans === 'unsatisfiable') return;
      expect(spans.length).toBeGreaterThan(0);
      for (const span of spans) {
        expect(span.start).toBeGreaterThanOrEqual(0);
        expect(span.end).toBeGreaterThan(span.start);
        expect(span.end).toBeLessThanOrEqual(size);
        expect(contentRange(span, size)).toMatch(/^bytes \d+-\d+\/\d+$/);
      }
      const sorted = spans.toSorted((a, b) => a.start - b.start);
      for (const [index, { end }] of sorted.entries()) {
        expect(sorted[index + 1]?.start ?? end).toBeGreaterThanOrEqual(end);
      }
    }),
    { numRuns: repeats(1000, 5000) },
  );
});

test('a range that fits is read as it stands', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), fc.integer({ min: 1, max: 1000 }), (start, more, tail) => {
      const size = start + more + tail;
      const end = start + more + 1;
      expect(parseRanges(`bytes=${start}-${end - 1}`, size)).toStrictEqual([{ start, end }]);
      expect(parseRanges(`bytes=${start}-`, size)).toStrictEqual([{ start, end: size }]);
      expect(parseRanges(`bytes=-${tail}`, size)).toStrictEqual([{ start: size - tail, end: size }]);
    }),
  );
});

/** A range as it is written, and the positions that it means in `size` bytes. */
const range = fc.oneof(
  fc.record({ first: fc.nat(60), more: fc.nat(15) }).map(({ first, more }) => ({
    text: `${first}-${first + more}`,
    means: (position: number) => position >= first && position <= first + more,
  })),
  fc.nat(60).map((first) => ({
    text: `${first}-`,
    means: (position: number) => position >= first,
  })),
  fc.nat(20).map((length) => ({
    text: `-${length}`,
    means: (position: number, size: number) => position >= size - length,
  })),
);
const gaps = fc.constantFrom(',', ', ', ' ,\t', ',,');

test('several ranges are together what each of them means, and nothing comes twice or out of order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(range, gaps), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 60 }),
      (ranges, size) => {
        const spans = parseRanges(`bytes=${ranges.map(([{ text }, gap]) => text + gap).join('')}`, size);
        const positions = Array.from({ length: size }, (_, position) => position);
        const meant = positions.filter((position) => ranges.some(([{ means }]) => means(position, size)));
        if (spans === 'unsatisfiable') {
          expect(meant).toEqual([]);
          return;
        }
        const sent = (spans ?? []).flatMap(({ start, end }) => positions.slice(start, end));
        expect(sent.toSorted((a, b) => a - b)).toEqual(meant);
        // Each stretch stands where the first range stands of which it has bytes.
        const places = (spans ?? []).map(({ start, end }) =>
          ranges.findIndex(([{ means }]) => positions.slice(start, end).some((one) => means(one, size))),
        );
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        expect(new Set(places).size).toBe(places.length);
      },
    ),
    { numRuns: repeats(1000, 5000) },
  );
});

test('a body has the length that it states, and its parts are what was asked for', () => {
  const bytes = noise(500, 'parts');
  const stretch = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 40 }));
  fc.assert(
    fc.property(fc.array(stretch, { minLength: 2, maxLength: 6 }), (stretches) => {
      let position = 0;
      const spans = stretches.map(([gap, length]) => {
        const start = position + gap;
        position = start + length;
        return { start, end: position };
      });
      const { status, headers, parts, suffix } = contentOf(bytes.length, spans);
      const body = Buffer.concat([
        ...[...parts].flatMap(({ prefix, range }) => [
          Buffer.from(prefix, 'latin1'),
          bytes.subarray(range.start, range.end),
        ]),
        Buffer.from(suffix, 'latin1'),
      ]);
      const value = (name: string): string | undefined => headers[headers.indexOf(name) + 1];
      expect(status).toBe(206);
      expect(headers).not.toContain('Content-Range');
      expect(value('Content-Length')).toBe(String(body.length));
      expect(receivedParts(value('Content-Type'), body)).toEqual(
        spans.map(({ start, end }) => ({ start, end, size: 500, bytes: bytes.subarray(start, end) })),
      );
    }),
    { numRuns: repeats(100, 500) },
  );
});
