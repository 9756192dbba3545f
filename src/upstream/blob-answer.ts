import { parseContentRange } from './content-range.ts';
import { contentLength, headerText, type UpstreamResponse } from './http-message.ts';
import { UpstreamError, type BlobStream } from './registry.ts';

/**
 * Reads a 200 or 206 to a GET of a blob from `offset` on. A 200 is the whole blob, whatever range was asked for. A 206
 * must be exactly the rest: to join bytes at the wrong place would cost a whole download before the digest tells.
 * @throws {UpstreamError} `invalid` for any other range, or for an encoded body
 */
export function blobStream(response: UpstreamResponse, offset: number): BlobStream {
  const { headers, url, body } = response;
  requireIdentity(response);
  const length = contentLength(headers);
  if (response.status === 200) return { offset: 0, size: length, body };
  const range = parseContentRange(headerText(headers, 'content-range'));
  const right =
    offset > 0 &&
    range?.start === offset &&
    (range.size === undefined || range.end === range.size - 1) &&
    (length === undefined || length === range.end - range.start + 1);
  if (!right) {
    throw new UpstreamError(
      'invalid',
      `${url.host} answers with another range than that from byte ${offset}`,
      {
        status: response.status,
      },
    );
  }
  return { offset, size: range.size, body };
}

/**
 * What is stored are the bytes that the digest is of, and nothing was asked for in another form.
 * @throws {UpstreamError} `invalid` for an encoded body
 */
export function requireIdentity({ headers, url, status }: UpstreamResponse): void {
  const encoding = headerText(headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity') {
    throw new UpstreamError('invalid', `${url.host} answers with an encoded body`, { status });
  }
}
