const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** From the largest; what is shorter than a minute is `now`. */
const units = [
  ['year', 365 * dayMs],
  ['month', 30 * dayMs],
  ['day', dayMs],
  ['hour', 60 * minuteMs],
  ['minute', minuteMs],
] as const;

const relative = new Intl.RelativeTimeFormat('en', { style: 'narrow' });

/** How long ago a time was (both in ms since the epoch): `3d ago`. The future is `now`: a clock was set. */
export function timeAgo(at: number, now: number): string {
  const [unit, ms] = units.find(([, length]) => now - at >= length) ?? [];
  return unit === undefined ? 'now' : relative.format(-Math.floor((now - at) / ms), unit);
}

/** A length of time in ms, for people: `30 days`. */
export function durationText(ms: number): string {
  const [unit, length] = units.slice(2).find(([, one]) => ms >= one) ?? ['second', 1000];
  return pluralize(Math.floor(ms / length), unit);
}

/** The first digits of a digest; other text stays as it is. */
export function shortDigest(text: string): string {
  return text.replace(/(?<=sha(?:256|512):[0-9a-f]{12})[0-9a-f]+$/, '');
}

/** `no images`, `1 image`, `12 images` */
export function pluralize(count: number, one: string, many = `${one}s`): string {
  return `${count === 0 ? 'no' : count} ${count === 1 ? one : many}`;
}
