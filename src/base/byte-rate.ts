import { formatByteSize, parseByteSize } from './byte-size.ts';

/** The least limit of the bandwidth that makes sense, in bytes a second. */
export const leastRate = 16 * 1024;

/**
 * Bytes a second in a text such as `10MiB` or `500KB/s`; undefined for anything else, also for what counts bits,
 * as `100Mbit` and `100Mb/s` do.
 */
export function parseByteRate(text: string): number | undefined {
  const isInBits = /[KMG]i?b(?![a-z])|bit|bps/.test(text);
  return isInBits ? undefined : parseByteSize(text.replace(/ ?\/s$/, ''));
}

/** A limit as it was given, for people to read: `2500 KB/s` for 2.5MB. */
export function byteRateText(bytesPerSecond: number): string {
  const [amount = '', unit = ''] = formatByteSize(bytesPerSecond).split(/(?<=\d)(?=[A-Z])/);
  return `${amount} ${unit || 'B'}/s`;
}
