/** Bytes in each unit. `G` alone is binary and `GB` decimal, as GNU's tools have it. */
const units: Readonly<Record<string, number>> = Object.fromEntries([
  ['', 1],
  ['B', 1],
  ...['K', 'M', 'G', 'T', 'P'].flatMap((letter, index): [string, number][] => [
    [letter, 1024 ** (index + 1)],
    [`${letter}I`, 1024 ** (index + 1)],
    [`${letter}IB`, 1024 ** (index + 1)],
    [`${letter}B`, 1000 ** (index + 1)],
  ]),
]);

const exactUnits = ['PiB', 'TiB', 'GiB', 'MiB', 'KiB', 'PB', 'TB', 'GB', 'MB', 'KB'];

/**
 * Bytes in a size such as `20GiB`, `1.5 TB`, `500M` or `1048576`, in any case; else undefined.
 * @see https://www.gnu.org/software/coreutils/manual/html_node/Block-size.html
 */
export function parseByteSize(text: string): number | undefined {
  const match = /^(?<amount>[0-9]+(?:\.[0-9]+)?) ?(?<unit>[a-z]*)$/i.exec(text)?.groups;
  const unit = units[match?.['unit']?.toUpperCase() ?? ''];
  if (match === undefined || unit === undefined) return undefined;
  const bytes = Math.round(Number(match['amount']) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest text that {@link parseByteSize} reads as exactly so many bytes: `20GiB`, `500MB`, `1234`. */
export function formatByteSize(bytes: number): string {
  if (bytes === 0) return '0';
  const texts = exactUnits
    .filter((unit) => bytes % bytesPer(unit) === 0)
    .map((unit) => `${bytes / bytesPer(unit)}${unit}`);
  return texts.reduce((shortest, text) => (text.length < shortest.length ? text : shortest), String(bytes));
}

/** For people to read, rounded down: `1.5 GiB`, `300 MiB`, `0 B`. */
export function byteSizeText(bytes: number): string {
  const unit = ['TiB', 'GiB', 'MiB', 'KiB'].find((name) => bytes >= bytesPer(name));
  if (unit === undefined) return `${bytes} B`;
  const amount = bytes / bytesPer(unit);
  // Tenths of what is counted in thousands say nothing.
  const isFine = unit === 'TiB' || unit === 'GiB';
  return `${isFine ? (Math.floor(amount * 10) / 10).toFixed(1) : Math.floor(amount)} ${unit}`;
}

function bytesPer(unit: string): number {
  return units[unit.toUpperCase()] ?? 1;
}
