import { bareMediaType } from '../oci/media-type.ts';
import { printable } from './answer-error.ts';
import { headerText, type ResponseHeaders } from './headers.ts';

/** What an answer that is not what it should be looks like: `text/html, 512 bytes`. Never any of its text. */
export function described(headers: ResponseHeaders, bytes: Buffer): string {
  if (bytes.length === 0) return 'an empty body';
  const mediaType = printable(bareMediaType(headerText(headers, 'content-type') ?? ''));
  return `${mediaType === '' ? 'no content type' : mediaType}, ${bytes.length} bytes`;
}
