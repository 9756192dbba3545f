import CliTable from 'cli-table3';
import type { Terminal } from '../terminal.ts';
import { jsonLine } from '../with-services.ts';

export interface Column<Row> {
  readonly title: string;
  /** `left` if not given. */
  readonly align?: 'left' | 'right';
  readonly cell: (row: Row) => string;
}

/** Rows that are laid out together; no more than these are in memory. */
const pageLength = 200;

const noBorder = Object.fromEntries(
  ['top', 'bottom', 'left', 'right']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat('mid', 'mid-mid')
    .map((part) => [part, '']),
);

/**
 * Prints rows while they arrive, as a table or as a line of JSON each. Columns have the widths of the first
 * page, and grow with later ones: nothing is truncated.
 */
export class Table<Row> {
  readonly #terminal: Pick<Terminal, 'out'>;
  readonly #json: boolean;
  readonly #columns: readonly Column<Row>[];
  readonly #widths: number[];
  #rows: string[][] = [];
  #isHeadWritten = false;

  constructor(terminal: Pick<Terminal, 'out'>, json: boolean, columns: readonly Column<Row>[]) {
    this.#terminal = terminal;
    this.#json = json;
    this.#columns = columns;
    this.#widths = columns.map(({ title }) => title.length);
  }

  add(row: Row): void {
    if (this.#json) {
      this.#terminal.out(jsonLine(row));
      return;
    }
    this.#rows.push(this.#columns.map(({ cell }) => cell(row)));
    if (this.#rows.length >= pageLength) this.#writePage();
  }

  /** Writes the last page. A table without rows has no titles either. */
  end(): void {
    if (this.#rows.length > 0) this.#writePage();
  }

  #writePage(): void {
    for (const row of this.#rows) {
      for (const [column, cell] of row.entries()) {
        this.#widths[column] = Math.max(this.#widths[column] ?? 0, cell.length);
      }
    }
    const titles = this.#columns.map(({ title }) => title);
    const table = new CliTable({
      chars: { ...noBorder, middle: '  ' },
      style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
      colAligns: this.#columns.map(({ align = 'left' }) => align),
      // A column of width 0 would be one without a given width.
      colWidths: this.#widths.map((width) => Math.max(1, width)),
    });
    if (!this.#isHeadWritten && titles.some((title) => title !== '')) table.push(titles);
    table.push(...this.#rows);
    this.#isHeadWritten = true;
    this.#rows = [];
    this.#terminal.out(`${table.toString().replaceAll(/ +$/gm, '')}\n`);
  }
}
