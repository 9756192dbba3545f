import type { Peer } from './peers/peer.ts';
import { resultOf, type Report } from './report.ts';
import type { Row } from './rows/row.ts';
import type { Sample } from './statistics.ts';

/** What one measurement gave, by the id of the figure. */
export type Values = Readonly<Record<string, Sample>>;

/** Collects what a run finds out. */
export class Notes {
  readonly #samples = new Map<string, Record<string, Sample[]>>();
  readonly #remarks = new Set<string>();
  readonly #failures: string[] = [];

  add(row: Row, peer: Peer, values: Values): void {
    for (const [figure, value] of Object.entries(values)) {
      const key = `${row.name} ${figure}`;
      const byPeer = this.#samples.get(key) ?? {};
      this.#samples.set(key, byPeer);
      (byPeer[peer.name] ??= []).push(value);
    }
  }

  remark(text: string): void {
    this.#remarks.add(text);
  }

  fail(text: string): void {
    this.#failures.push(text);
  }

  /** All of it, results in the order of `rows`. */
  about(rows: readonly Row[]): Pick<Report, 'results' | 'remarks' | 'failures'> {
    return {
      results: rows.flatMap((row) =>
        row.figures.map((figure) =>
          resultOf(row.name, figure, this.#samples.get(`${row.name} ${figure.id}`) ?? {}),
        ),
      ),
      remarks: [...this.#remarks],
      failures: this.#failures,
    };
  }
}
