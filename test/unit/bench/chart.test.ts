import { expect, test } from 'vitest';
import { renderChart } from '../../../bench/chart/chart.ts';
import { panels, type Panel } from '../../../bench/chart/panels.ts';
import { resultOf, type Report, type Result } from '../../../bench/report.ts';
import { rows } from '../../../bench/rows/index.ts';

const panel: Panel = { title: 'Speed <fast>', groups: [{ label: 'one', row: 'hot', figure: 'speed' }] };

function report(samples: Result['samples']): Report {
  return {
    takenAt: '2026-01-02T03:04:05.000Z',
    machine: { cores: 2, cpu: 'a CPU', kernel: '6.1', node: '24.0.0', memoryMiB: 1024, load: 0.25 },
    peers: { entrepot: '1', registry2: '2.8.2', nginx: '1.22.1' },
    seconds: 5,
    repeat: 1,
    results: [resultOf('hot', { id: 'speed', title: 'speed', better: 'more' }, samples)],
    remarks: [],
    failures: [],
  };
}

/** The width of the bar of each peer. */
function widths(chart: string): readonly (readonly [string, number])[] {
  const bars = chart.matchAll(/<rect class="peer(\d)"[^>]* width="([\d.]+)" height="14"/g);
  return [...bars].map(([, peer = '', width]) => [peer, Number(width)] as const);
}

test('bars of one panel are as long as their figures', () => {
  const chart = renderChart(report({ entrepot: [4], registry2: [1], nginx: [2] }), [panel]);
  const [one, two, three] = widths(chart).map(([, width]) => width);
  expect((one ?? 0) / (two ?? 1)).toBeCloseTo(4, 1);
  expect((one ?? 0) / (three ?? 1)).toBeCloseTo(2, 1);
  expect(chart).toContain('>4.00</text>');
});

test('a peer keeps its colour when the one before it has no figure', () => {
  const chart = renderChart(report({ entrepot: [4], nginx: [2] }), [panel]);
  expect(widths(chart).map(([peer]) => peer)).toEqual(['0', '2']);
});

test('a peer whose time was up is marked', () => {
  expect(renderChart(report({ entrepot: [1], registry2: [{ above: 20 }] }), [panel])).toContain(
    '>&gt; 20.0</text>',
  );
});

test('a panel of which nothing was measured is left out', () => {
  expect(renderChart(report({ entrepot: [1] }), [panel])).toContain('Speed &lt;fast&gt;');
  expect(renderChart(report({}), [panel])).not.toContain('Speed');
});

test('all that the chart shows is a figure of some row', () => {
  const known = rows.flatMap((row) => row.figures.map(({ id }) => `${row.name} ${id}`));
  for (const { groups } of panels)
    for (const { row, figure } of groups) expect(known).toContain(`${row} ${figure}`);
});
