import type { Report } from '../report.ts';
import type { Summary } from '../statistics.ts';
import { formatFigure } from '../table.ts';
import type { Group, Panel } from './panels.ts';
import { label, rect } from './svg.ts';

const width = 760;
const margin = 20;
const bars = { left: 180, right: width - 90, height: 14, step: 17 } as const;
const titleHeight = 30;
const groupGap = 10;
const panelGap = 14;

/**
 * Shown as a picture, a chart knows the reader's colour scheme but not the page's: its own background goes
 * with its own text, so that it can be read on either.
 */
const style = `
text { font: 12px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.note { fill: #59636e; font-size: 11px; }
.card { fill: #ffffff; stroke: #d1d9e0; }
.peer0 { fill: #0969da; } .peer1 { fill: #bc4c00; } .peer2 { fill: #8c959f; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .note { fill: #9198a1; }
  .card { fill: #0d1117; stroke: #3d444d; }
  .peer0 { fill: #4493f8; } .peer1 { fill: #db6d28; } .peer2 { fill: #6e7681; }
}`;

/** The figure of one group by peer, for those peers of which it was measured. */
function measured(report: Report, { row, figure }: Group): readonly (readonly [string, Summary])[] {
  const summaries = report.results.find((result) => result.row === row && result.id === figure)?.summaries;
  return Object.keys(report.peers).flatMap((peer) => {
    const summary = summaries?.[peer];
    return summary === undefined ? [] : [[peer, summary] as const];
  });
}

/** Draws one element below another. */
class Drawing {
  readonly #report: Report;
  readonly #peers: readonly string[];
  readonly #elements: string[] = [];
  #y = margin;

  constructor(report: Report) {
    this.#report = report;
    this.#peers = Object.keys(report.peers);
  }

  legend(): void {
    let x = margin;
    for (const [index, peer] of this.#peers.entries()) {
      const name = `${peer} ${this.#report.peers[peer] ?? ''}`;
      this.#elements.push(
        rect({ class: `peer${index}`, x, y: this.#y, width: 12, height: 12 }),
        label(name, { x: x + 18, y: this.#y + 10 }),
      );
      x += 190;
    }
    this.#y += 12 + panelGap;
  }

  /** Bars of all groups to one scale; nothing when none of them was measured. */
  panel({ title, groups }: Panel): void {
    const drawn = groups
      .map((group) => ({ group, values: measured(this.#report, group) }))
      .filter(({ values }) => values.length > 0);
    if (drawn.length === 0) return;
    const longest = Math.max(...drawn.flatMap(({ values }) => values.map(([, { median }]) => median)));
    this.#elements.push(label(title, { class: 'title', x: margin, y: this.#y + 12 }));
    this.#y += titleHeight;
    for (const { group, values } of drawn) {
      this.#elements.push(label(group.label, { x: margin, y: this.#y + 11 }));
      for (const [peer, summary] of values) this.#bar(peer, summary, longest);
      this.#y += groupGap;
    }
    this.#y += panelGap;
  }

  note(text: string): void {
    this.#elements.push(label(text, { class: 'note', x: margin, y: this.#y }));
    this.#y += margin;
  }

  toString(): string {
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${this.#y}" width="${width}" height="${this.#y}" role="img">`,
      `<title>${this.#peers.join(', ')}: benchmarks</title>`,
      `<style>${style}\n</style>`,
      rect({ class: 'card', x: 0.5, y: 0.5, width: width - 1, height: this.#y - 1, rx: 6 }),
      ...this.#elements,
      '</svg>\n',
    ].join('\n');
  }

  #bar(peer: string, { median, atLeast }: Summary, longest: number): void {
    const length = Math.max(1, (median / longest) * (bars.right - bars.left));
    this.#elements.push(
      rect({
        class: `peer${this.#peers.indexOf(peer)}`,
        x: bars.left,
        y: this.#y,
        width: length,
        height: bars.height,
        rx: 2,
      }),
      label(`${atLeast ? '> ' : ''}${formatFigure(median)}`, { x: bars.left + length + 6, y: this.#y + 11 }),
    );
    this.#y += bars.step;
  }
}

/** Draws `panels` of `report`, an SVG image for light and dark pages. */
export function renderChart(report: Report, panels: readonly Panel[]): string {
  const { machine, takenAt, repeat } = report;
  const drawing = new Drawing(report);
  drawing.legend();
  for (const panel of panels) drawing.panel(panel);
  drawing.note(
    `${takenAt.slice(0, 10)}: ${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}; ` +
      (repeat === 1 ? 'one measurement each' : `medians of ${repeat}`),
  );
  return drawing.toString();
}
