import { expect, test } from 'vitest';
import { renderReport, renderResults, resultOf, type Report, type Result } from '../../../bench/report.ts';

const figure = { id: 'throughput', title: 'hot blob', better: 'more' } as const;
const samples = { entrepot: [3, 1, 2], registry2: [1], nginx: [4, 4] };

function report(change: Partial<Report> = {}): Report {
  return {
    takenAt: '2026-01-02T03:04:05.000Z',
    machine: { cores: 2, cpu: 'a CPU', kernel: '6.1', node: '24.0.0', memoryMiB: 1024, load: 0.25 },
    peers: { entrepot: '1', registry2: '2.8.2', nginx: '1.22.1' },
    seconds: 5,
    repeat: 3,
    results: [resultOf('hot-blob-1', figure, samples)],
    remarks: [],
    failures: [],
    ...change,
  };
}

function cells(table: string, line: number): readonly string[] {
  return (table.split('\n')[line] ?? '')
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function line(measured: Result['samples']): readonly string[] {
  return cells(renderResults(report({ results: [resultOf('hot-blob-1', figure, measured)] })), 2);
}

test('a line has the median of each peer with its spread, then the ratio of Entrepot to each other peer', () => {
  const table = renderResults(report());
  expect(cells(table, 0)).toEqual([
    'measured',
    'better',
    'entrepot',
    'registry2',
    'nginx',
    'entrepot / registry2',
    'entrepot / nginx',
  ]);
  expect(cells(table, 2)).toEqual(['hot blob', 'more', '2.00 (1.00–3.00)', '1.00', '4.00', '2.00', '0.50']);
});

test('there are no ratios when Entrepot was not measured', () => {
  const table = renderResults(report({ peers: { registry2: '2.8.2', nginx: '1.22.1' } }));
  expect(cells(table, 0)).toEqual(['measured', 'better', 'registry2', 'nginx']);
});

test('a peer that failed has a dash for its figure and for its ratio', () => {
  expect(line({ entrepot: [2], nginx: [4] }).slice(2)).toEqual(['2.00', '-', '4.00', '-', '0.50']);
});

test('what was measured of no peer has no line', () => {
  expect(line({})).toEqual([]);
});

test('a peer whose time was up is known to need more, and the ratio to be less', () => {
  const measured = { entrepot: [2], registry2: [{ above: 20 }], nginx: [{ above: 4 }, 3, 3] };
  expect(line(measured).slice(2)).toEqual(['2.00', '> 20.0', '3.00 (3.00–4.00)', '< 0.10', '0.67']);
});

test('when the time was up for both, nothing is known of the ratio', () => {
  const measured = { entrepot: [{ above: 20 }], registry2: [{ above: 20 }], nginx: [10] };
  expect(line(measured).slice(2)).toEqual(['> 20.0', '> 20.0', '10.0', '-', '> 2.00']);
});

test('a report names the machine, the versions, what is no number, and what failed', () => {
  const text = renderReport(
    report({ remarks: ['tls, nginx: TLSv1.3'], failures: ['stampede, nginx, 1 of 3: refused'] }),
  );
  expect(text).toContain('2 cores of a CPU, 1.00 GiB, Linux 6.1, Node 24.0.0; load before the run 0.25.');
  expect(text).toContain('registry2 2.8.2');
  expect(text).toContain('- tls, nginx: TLSv1.3');
  expect(text).toContain('- failed: stampede, nginx, 1 of 3: refused');
});
