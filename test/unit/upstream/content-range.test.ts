import { describe, expect, it } from 'vitest';
import { parseContentRange } from '../../../src/upstream/content-range.ts';

describe('parseContentRange', () => {
  it('reads a range of known and of unknown size', () => {
    expect(parseContentRange('bytes 5-9/10')).toEqual({ start: 5, end: 9, size: 10 });
    expect(parseContentRange('bytes 5-9/*')).toEqual({ start: 5, end: 9, size: undefined });
  });

  it.each([
    undefined,
    '',
    'bytes */10',
    'bytes 9-5/10',
    'bytes 5-10/10',
    'items 0-1/2',
    'bytes 0-1/2, 3-4/5',
  ])('refuses %j', (text) => {
    expect(parseContentRange(text)).toBeUndefined();
  });
});
