/** From `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Ranges in one header, at most. podman and skopeo ask for up to 1,024. */
const maxRanges = 2048;

/**
 * How often a range may begin before the one listed before it: while a blob arrives, that starts from its
 * front.
 */
const maxStepsBack = 8;

const rangeUnit = /^bytes=/i;
const singleRange = /^[ \t]*(\d*)-(\d*)[ \t]*$/;

/**
 * The ranges of `size` bytes in a `Range` header, in its order, none empty and none overlapping another.
 * Undefined means to send the whole: no header, one that is malformed, of another unit, with too many ranges
 * or steps back (which a server may ignore), or empty content.
 *
 * Ranges that overlap become one, at the place of the first, so that nothing is sent twice. Adjacent ones
 * stay apart: containers/image needs one part for each range that it requested.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.2
 */
export function parseRanges(
  header: string | undefined,
  size: number,
): readonly ByteRange[] | 'unsatisfiable' | undefined {
  if (header === undefined || size === 0 || !rangeUnit.test(header)) return undefined;
  const texts = header.slice('bytes='.length).split(',', maxRanges + 1);
  if (texts.length > maxRanges) return undefined;
  const spans: ByteRange[] = [];
  let asked = 0;
  for (const text of texts) {
    // A list may have empty elements: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2
    if (texts.length > 1 && /^[ \t]*$/.test(text)) continue;
    const span = parseRange(text, size);
    if (span === undefined) return undefined;
    asked += 1;
    if (span !== 'unsatisfiable') spans.push(span);
  }
  if (asked === 0) return undefined;
  if (spans.length === 0) return 'unsatisfiable';
  const apart = isAscending(spans) ? spans : coalesced(spans);
  return stepsBack(apart) > maxStepsBack ? undefined : apart;
}

/** The value of `Content-Range` for `span` out of `size` bytes. */
export function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

/** Undefined for what is malformed. */
function parseRange(text: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = singleRange.exec(text);
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

/** Whether each begins where the one before it ends, or later. */
function isAscending(spans: readonly ByteRange[]): boolean {
  let position = 0;
  for (const { start, end } of spans) {
    if (start < position) return false;
    position = end;
  }
  return true;
}

/** Joins those that overlap, at the place of the first. */
function coalesced(spans: readonly ByteRange[]): readonly ByteRange[] {
  const joined: { start: number; end: number; place: number }[] = [];
  const sorted = spans.map((span, place) => ({ ...span, place })).sort((a, b) => a.start - b.start);
  for (const span of sorted) {
    const last = joined.at(-1);
    if (last === undefined || span.start >= last.end) {
      joined.push(span);
    } else {
      last.end = Math.max(last.end, span.end);
      last.place = Math.min(last.place, span.place);
    }
  }
  return joined.sort((a, b) => a.place - b.place).map(({ start, end }) => ({ start, end }));
}

function stepsBack(spans: readonly ByteRange[]): number {
  let steps = 0;
  let before = 0;
  for (const { start } of spans) {
    if (start < before) steps += 1;
    before = start;
  }
  return steps;
}
