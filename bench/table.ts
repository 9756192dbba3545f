/**
 * A Markdown table whose columns line up in a terminal too: the first to the left, all others, which hold
 * figures, to the right.
 */
export function renderTable(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, 3, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const render = (cells: readonly string[]): string =>
    `| ${widths
      .map((width, column) => {
        const cell = cells[column] ?? '';
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [render(header), render(rule), ...lines.map(render)].join('\n');
}

/** Three significant digits, and all digits before the point: 0.432, 2.16, 37.0, 101,164. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const whole = Math.max(1, Math.floor(Math.log10(Math.abs(value) || 1)) + 1);
  const decimals = Math.max(0, 3 - whole);
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
