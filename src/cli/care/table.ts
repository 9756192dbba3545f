import CliTable from 'cli-table3';

export interface Column {
  readonly title: string;
  /** Left if not given; numbers stand right. */
  readonly align?: 'left' | 'right';
}

/** Rows that are laid out together; no more than these are kept. */
const pageLength = 200;

const noBorder = Object.fromEntries(
  ['top', 'bottom', 'left', 'right']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat('mid', 'mid-mid')
    .map((part) => [part, '']),
);

/**
 * A table that is written while its rows still come. Widths are those of the first page, and grow with later ones, so that
 * nothing is ever cut off.
 */
export class Table {
  readonly #columns: readonly Column[];
  readonly #write: (text: string) => void;
  readonly #widths: number[];
  #rows: (readonly string[])[] = [];
  #isHeadWritten = false;

  constructor(columns: readonly Column[], write: (text: string) => void) {
    this.#columns = columns;
    this.#write = write;
    this.#widths = columns.map(({ title }) => title.length);
  }

  add(...row: readonly string[]): void {
    this.#rows.push(row);
    if (this.#rows.length >= pageLength) this.#writePage();
  }

  /** Writes what has not been written; a table without rows is nothing at all. */
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
    table.push(...this.#rows.map((row) => [...row]));
    this.#isHeadWritten = true;
    this.#rows = [];
    this.#write(`${table.toString().replaceAll(/ +$/gm, '')}\n`);
  }
}
