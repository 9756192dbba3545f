/** A `Content-Range` of bytes. */
export interface ContentRange {
  readonly start: number;
  /** The last byte's position, inclusive. */
  readonly end: number;
  /** Bytes in all, or undefined for `*`. */
  readonly size: number | undefined;
}

const pattern = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i;

/**
 * The range that `text` spells, or undefined when it spells none or one that contradicts itself.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.4
 */
export function parseContentRange(text: string | undefined): ContentRange | undefined {
  const [, first, last, total] = pattern.exec(text?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || total === undefined) return undefined;
  const start = Number(first);
  const end = Number(last);
  const size = total === '*' ? undefined : Number(total);
  return start > end || (size !== undefined && end >= size) ? undefined : { start, end, size };
}
