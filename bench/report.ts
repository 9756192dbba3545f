import type { Machine } from './machine.ts';
import { summarize, type Sample, type Summary } from './statistics.ts';
import { formatFigure, renderTable } from './table.ts';

/** One quantity that a row measures. */
export interface Figure {
  /** Key in the measurement and in the JSON report. */
  readonly id: string;
  /** What it is, with its unit. */
  readonly title: string;
  readonly better: 'more' | 'less';
}

/** What the runs of one row gave for one figure, by peer name. A peer that failed has none. */
export interface Result extends Figure {
  readonly row: string;
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
  readonly summaries: Readonly<Record<string, Summary>>;
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
  /** Facts that are no numbers, each once. */
  readonly remarks: readonly string[];
  /** One line for each measurement that could not be made. */
  readonly failures: readonly string[];
}

/** The peer that all others are compared with. */
const subject = 'entrepot';

/** Puts samples and their summaries under the figure that they are of. */
export function resultOf(row: string, figure: Figure, samples: Result['samples']): Result {
  const summaries = Object.entries(samples).flatMap(([peer, values]) => {
    const summary = summarize(values);
    return summary === undefined ? [] : [[peer, summary] as const];
  });
  return { ...figure, row, samples, summaries: Object.fromEntries(summaries) };
}

/** The median; with the least and the greatest value behind it where they differ from it. */
function renderSummary(summary: Summary | undefined): string {
  if (summary === undefined) return '-';
  const [middle, min, max] = [summary.median, summary.min, summary.max].map(formatFigure);
  const spread = min === max ? '' : ` (${min}–${max})`;
  return `${summary.atLeast ? '> ' : ''}${middle}${spread}`;
}

function renderRatio(one: Summary | undefined, other: Summary | undefined): string {
  if (one === undefined || other === undefined || (one.atLeast && other.atLeast)) return '-';
  const ratio = formatFigure(one.median / other.median);
  if (ratio === '-') return ratio;
  return `${one.atLeast ? '> ' : other.atLeast ? '< ' : ''}${ratio}`;
}

/**
 * The medians of `report` in one table, with the ratios of Entrepot to each peer when both were measured.
 * What was measured of none is left out.
 */
export function renderResults(report: Report): string {
  const peers = Object.keys(report.peers);
  const rivals = peers.includes(subject) ? peers.filter((peer) => peer !== subject) : [];
  return renderTable(
    ['measured', 'better', ...peers, ...rivals.map((rival) => `${subject} / ${rival}`)],
    report.results
      .filter(({ summaries }) => Object.keys(summaries).length > 0)
      .map(({ title, better, summaries }) => [
        title,
        better,
        ...peers.map((peer) => renderSummary(summaries[peer])),
        ...rivals.map((rival) => renderRatio(summaries[subject], summaries[rival])),
      ]),
  );
}

/** The report for people, as Markdown: where, what, how often, the table, and what went wrong. */
export function renderReport(report: Report): string {
  const { machine } = report;
  const list = (lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ['', ...lines.map((line) => `- ${line}`)];
  return [
    `${report.takenAt}: ${machine.cores} cores of ${machine.cpu}, ${formatFigure(machine.memoryMiB / 1024)} GiB, ` +
      `Linux ${machine.kernel}, Node ${machine.node}; load before the run ${formatFigure(machine.load)}.`,
    `${Object.entries(report.peers)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    `${report.repeat === 1 ? 'One measurement each' : `Medians of ${report.repeat} (least–greatest)`}; timed loads last ${report.seconds} s.`,
    '',
    renderResults(report),
    ...list(report.remarks),
    ...list(report.failures.map((failure) => `failed: ${failure}`)),
    '',
  ].join('\n');
}
