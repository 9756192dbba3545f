import { parseJson } from '../base/json.ts';
import type { z } from '../base/zod.ts';
import { printable } from './answer-error.ts';
import { mediaType, type ResponseHeaders } from './headers.ts';
import { UpstreamError } from './registry.ts';

/**
 * Reads an answer's JSON. Errors quote nothing of it, nor have a cause that does: it may be a token.
 * @param what it should hold, as `list of tags`
 * @param host who sent it
 * @throws {UpstreamError} `invalid` for anything else
 */
export function jsonAnswer<T>(
  schema: z.ZodType<T>,
  what: string,
  bytes: Buffer,
  host: string,
  headers: ResponseHeaders,
): T {
  const { success, data } = schema.safeParse(parseJson(bytes.toString('utf8')));
  if (success) return data;
  throw new UpstreamError('invalid', `${host}: the answer holds no ${what}: ${described(headers, bytes)}`);
}

/** What an answer that is not what it should be looks like: `text/html, 512 bytes`. Never any of its text. */
export function described(headers: ResponseHeaders, bytes: Buffer): string {
  if (bytes.length === 0) return 'an empty body';
  const type = printable(mediaType(headers));
  return `${type === '' ? 'no content type' : type}, ${bytes.length} bytes`;
}
