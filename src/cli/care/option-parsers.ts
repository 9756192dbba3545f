import { InvalidArgumentError } from 'commander';
import { parseByteSize } from '../../base/byte-size.ts';
import { parseGoDuration } from '../../base/go-duration.ts';

/**
 * Bytes in the value of an option.
 * @throws {InvalidArgumentError}
 */
export function parseSizeOption(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined)
    throw new InvalidArgumentError('It is not a size: write for example 20GiB or 500MB.');
  return bytes;
}

/**
 * Milliseconds in the value of an option: a duration as in the configuration, or with days and weeks.
 * @throws {InvalidArgumentError}
 */
export function parseDurationOption(text: string): number {
  const hours = text.replaceAll(
    /([0-9]+(?:\.[0-9]+)?)([dw])/g,
    (_, amount: string, unit: string) => `${Number(amount) * (unit === 'd' ? 24 : 7 * 24)}h`,
  );
  const nanoseconds = /^[+-]/.test(text) ? undefined : parseGoDuration(hours);
  if (nanoseconds === undefined) {
    throw new InvalidArgumentError('It is not a duration: write for example 30d, 2w or 12h.');
  }
  return nanoseconds / 1e6;
}
