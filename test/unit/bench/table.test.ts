import { expect, test } from 'vitest';
import { formatFigure, renderTable } from '../../../bench/table.ts';

test('a table is Markdown whose columns line up: names to the left, figures to the right', () => {
  expect(
    renderTable(
      ['measured', 'a'],
      [
        ['one', '1,234'],
        ['something long', '5'],
      ],
    ),
  ).toBe(
    [
      '| measured       |     a |',
      '| -------------- | ----: |',
      '| one            | 1,234 |',
      '| something long |     5 |',
    ].join('\n'),
  );
});

test.each([
  [0.4321, '0.43'],
  [2.156, '2.16'],
  [37.04, '37.0'],
  [100_989.4, '100,989'],
  [0, '0.00'],
])('%d is written with the digits that matter', (value, text) => {
  expect(formatFigure(value)).toBe(text);
});

test('what was not measured is a dash', () => {
  expect(formatFigure(Number.NaN)).toBe('-');
});
