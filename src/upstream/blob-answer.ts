import { parseContentRange, type ContentRange } from './content-range.ts';
import { contentLength, headerText } from './headers.ts';
import type { UpstreamResponse } from './http-message.ts';
import { UpstreamError, type BlobRange, type BlobStream } from './registry.ts';

/**
 * Reads the answer to a GET of a blob from `offset` up to `end`, or the end of the blob. A 200 is the whole
 * blob. A 206 must be what was asked for: bytes joined at the wrong place would cost a whole download.
 * @throws {UpstreamError} `invalid` for any other range
 */
export function blobStream(
  response: UpstreamResponse,
  { offset, end }: BlobRange,
): Omit<BlobStream, 'range'> {
  const { headers, url, body } = response;
  const { ended } = body;
  const length = contentLength(headers);
  const { host } = url;
  if (response.status === 200) return { offset: 0, size: length, body, ended, host };
  const range = parseContentRange(headerText(headers, 'content-range'));
  const right =
    (offset > 0 || end !== undefined) &&
    range?.start === offset &&
    isWhole(range, end) &&
    (length === undefined || length === range.end - range.start + 1);
  if (!right) {
    throw new UpstreamError('invalid', `${host} answers with another range than that from byte ${offset}`, {
      status: response.status,
    });
  }
  return { offset, size: range.size, body, ended, host };
}

/** Whether a range goes as far as it was asked to, or as the blob does. */
function isWhole({ end: last, size }: ContentRange, end: number | undefined): boolean {
  if (end === undefined) return size === undefined || last === size - 1;
  return last === Math.min(end, size ?? end) - 1;
}
