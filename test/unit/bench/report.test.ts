import { expect, test } from 'vitest';
import { renderReport, renderResults, type Report } from '../../../bench/report.ts';

function report(change: Partial<Report> = {}): Report {
  return {
    takenAt: '2026-01-02T03:04:05.000Z',
    machine: { cores: 2, cpu: 'a CPU', kernel: '6.1', node: '24.0.0', memoryMiB: 1024 },
    peers: { entrepot: '1', registry2: '2.8.2', nginx: '1.22.1' },
    seconds: 5,
    repeat: 3,
    results: [
      {
        row: 'hot-blob-1',
        id: 'throughput',
        title: 'hot blob',
        better: 'more',
        samples: { entrepot: [3, 1, 2], registry2: [1], nginx: [4, 4] },
      },
    ],
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

test('a line has the median of each peer, then the ratio of Entrepot to each other peer', () => {
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
  expect(cells(table, 2)).toEqual(['hot blob', 'more', '2.00', '1.00', '4.00', '2.00', '0.50']);
});

test('there are no ratios when Entrepot was not measured', () => {
  const table = renderResults(report({ peers: { registry2: '2.8.2', nginx: '1.22.1' } }));
  expect(cells(table, 0)).toEqual(['measured', 'better', 'registry2', 'nginx']);
});

test('a peer that failed has a dash for its figure and for its ratio', () => {
  const [result] = report().results;
  const samples = { entrepot: [2], nginx: [4] };
  const table = renderResults(report({ results: result === undefined ? [] : [{ ...result, samples }] }));
  expect(cells(table, 2)).toEqual(['hot blob', 'more', '2.00', '-', '4.00', '-', '0.50']);
});

test('a report names the machine, the versions and what failed', () => {
  const text = renderReport(report({ failures: ['stampede, nginx, 1 of 3: refused'] }));
  expect(text).toContain('2 cores of a CPU, Linux 6.1, Node 24.0.0');
  expect(text).toContain('registry2: 2.8.2');
  expect(text).toContain('failed: stampede, nginx, 1 of 3: refused');
});
