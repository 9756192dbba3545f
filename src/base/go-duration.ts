const nanosecondsPer: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const unit = '(?:ns|us|µs|μs|ms|s|m|h)';
const amount = '(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)';
const wholePattern = new RegExp(`^[+-]?(?:${amount}${unit})+$`);
const partPattern = new RegExp(`(${amount})(${unit})`, 'g');

/** As {@link parseGoDuration}, or a plain number of nanoseconds, which registry:2's YAML takes too. */
export function parseNanoseconds(text: string): number | undefined {
  return /^[+-]?[0-9]+$/.test(text) ? Number(text) : parseGoDuration(text);
}

/**
 * Nanoseconds in a duration as Go writes them (`1h30m`, `300ms`, `1.5s`). Undefined for any other text.
 * @see https://pkg.go.dev/time#ParseDuration
 */
export function parseGoDuration(text: string): number | undefined {
  if (!wholePattern.test(text)) return undefined;
  let total = 0;
  for (const [, digits, name] of text.matchAll(partPattern)) {
    total += Number(digits) * (nanosecondsPer[name ?? ''] ?? Number.NaN);
  }
  return text.startsWith('-') ? -total : total;
}

/** The shortest way to write a whole number of milliseconds as a Go duration: `1h30m`, `300ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = Math.floor(ms / 1000) % 60;
  const rest = ms % 1000;
  return [
    hours > 0 ? `${hours}h` : '',
    minutes > 0 ? `${minutes}m` : '',
    seconds > 0 ? `${seconds}s` : '',
    rest > 0 ? `${rest}ms` : '',
  ].join('');
}
