import type { Machine } from './machine.ts';
import { median } from './statistics.ts';
import { formatFigure, renderTable } from './table.ts';

/** One quantity that a row measures. */
export interface Figure {
  /** Key in the measurement and in the JSON report. */
  readonly id: string;
  /** What it is, with its unit. */
  readonly title: string;
  readonly better: 'more' | 'less';
}

/** What the runs of one row gave for one figure, by peer name: a value a run, none for a peer that failed. */
export interface Result extends Figure {
  readonly row: string;
  readonly samples: Readonly<Record<string, readonly number[]>>;
}

/** All that a run found out. */
export interface Report {
  readonly takenAt: string;
  readonly machine: Machine;
  /** Version by peer name. */
  readonly peers: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly repeat: number;
  readonly results: readonly Result[];
  /** One line for each measurement that could not be made. */
  readonly failures: readonly string[];
}

/** The peer that all others are compared with. */
const subject = 'entrepot';

function middle(samples: readonly number[] | undefined): number {
  return samples === undefined || samples.length === 0 ? Number.NaN : median(samples);
}

/** The medians of `report` in one table, with the ratios of Entrepot to each peer when both were measured. */
export function renderResults(report: Report): string {
  const peers = Object.keys(report.peers);
  const rivals = peers.includes(subject) ? peers.filter((peer) => peer !== subject) : [];
  return renderTable(
    ['measured', 'better', ...peers, ...rivals.map((rival) => `${subject} / ${rival}`)],
    report.results.map(({ title, better, samples }) => [
      title,
      better,
      ...peers.map((peer) => formatFigure(middle(samples[peer]))),
      ...rivals.map((rival) => formatFigure(middle(samples[subject]) / middle(samples[rival]))),
    ]),
  );
}

/** The report for people: where, what, how often, the table, and what went wrong. */
export function renderReport(report: Report): string {
  const { machine } = report;
  return [
    `${report.takenAt}: ${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}`,
    Object.entries(report.peers)
      .map(([name, version]) => `${name}: ${version}`)
      .join('; '),
    `medians of ${report.repeat}; timed loads last ${report.seconds} s`,
    '',
    renderResults(report),
    ...report.failures.map((failure) => `failed: ${failure}`),
    '',
  ].join('\n');
}
