import { expect, test } from 'vitest';
import { median, summarize } from '../../../bench/statistics.ts';

test('the median of an odd number of values is the middle one, whatever their order', () => {
  expect(median([10, 9, 100])).toBe(10);
});

test('the median of an even number of values is the mean of the two middle ones', () => {
  expect(median([4, 1, 3, 100])).toBe(3.5);
});

test('no values have no median', () => {
  expect(() => median([])).toThrow(RangeError);
});

test('a summary has the median and from where to where the samples go', () => {
  expect(summarize([3, 1, 8])).toEqual({ median: 3, min: 1, max: 8, atLeast: false });
  expect(summarize([])).toBeUndefined();
});

test('the median is a lower bound as soon as a sample that it rests on was cut off', () => {
  expect(summarize([1, 2, { above: 5 }])?.atLeast).toBe(false);
  expect(summarize([1, { above: 2 }])).toEqual({ median: 1.5, min: 1, max: 2, atLeast: true });
  expect(summarize([{ above: 2 }, 3, { above: 2 }])?.atLeast).toBe(true);
});
