import { expect, test } from 'vitest';
import { median } from '../../../bench/statistics.ts';

test('the median of an odd number of values is the middle one, whatever their order', () => {
  expect(median([10, 9, 100])).toBe(10);
});

test('the median of an even number of values is the mean of the two middle ones', () => {
  expect(median([4, 1, 3, 100])).toBe(3.5);
});

test('no values have no median', () => {
  expect(() => median([])).toThrow(RangeError);
});
