import { parseGoDuration } from '../base/go-duration.ts';

/** The longest wait, in seconds: Docker Hub's window of six hours. */
const maxRetryAfter = 6 * 60 * 60;

/** A number above this is a point in time, not a duration: the year 2001 in seconds, 1970 in milliseconds. */
const smallestTimestamp = 1_000_000_000;
const smallestMillisecondTimestamp = 1_000_000_000_000;

const httpDate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * The seconds (whole, 0 to six hours) that a `Retry-After` header asks for, or undefined for nonsense.
 * Besides the forms of RFC 9110, registries send Unix timestamps and Go durations (`880.092µs`, GHCR).
 * @param now milliseconds since the epoch
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  // Header values are read as Latin-1; `µ` arrives as the two bytes of its UTF-8 form.
  const text = header?.trim().replace('Âµ', 'µ').replace('Î¼', 'μ') ?? '';
  if (/^\d{1,15}(?:\.\d{1,9})?$/.test(text)) {
    const value = Number(text);
    if (value >= smallestMillisecondTimestamp) return capped((value - now) / 1000);
    return capped(value >= smallestTimestamp ? value - now / 1000 : value);
  }
  if (httpDate.test(text)) {
    const at = Date.parse(text);
    return Number.isNaN(at) ? undefined : capped((at - now) / 1000);
  }
  const nanoseconds = parseGoDuration(text);
  return nanoseconds === undefined || nanoseconds < 0 ? undefined : capped(nanoseconds / 1e9);
}

function capped(seconds: number): number {
  return Math.min(Math.max(Math.ceil(seconds), 0), maxRetryAfter);
}
