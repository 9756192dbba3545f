import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentRange, parseRange } from '../../src/http/range.ts';

const sizes = fc.oneof(fc.nat(20), fc.maxSafeNat());

test('any text gives nothing, or a span of at least one byte within the content', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.string().map((text) => `bytes=${text}`),
    fc.stringMatching(/^bytes=[0-9]{0,20}-[0-9]{0,20}$/),
  );
  fc.assert(
    fc.property(texts, sizes, (text, size) => {
      const span = parseRange(text, size);
      if (span === undefined || span === 'unsatisfiable') return;
      expect(span.start).toBeGreaterThanOrEqual(0);
      expect(span.end).toBeGreaterThan(span.start);
      expect(span.end).toBeLessThanOrEqual(size);
      expect(contentRange(span, size)).toMatch(/^bytes \d+-\d+\/\d+$/);
    }),
    { numRuns: 5000 },
  );
});

test('a range that fits is read as it stands', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), fc.integer({ min: 1, max: 1000 }), (start, more, tail) => {
      const size = start + more + tail;
      const end = start + more + 1;
      expect(parseRange(`bytes=${start}-${end - 1}`, size)).toStrictEqual({ start, end });
      expect(parseRange(`bytes=${start}-`, size)).toStrictEqual({ start, end: size });
      expect(parseRange(`bytes=-${tail}`, size)).toStrictEqual({ start: size - tail, end: size });
    }),
  );
});
