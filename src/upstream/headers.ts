import { bareMediaType } from '../oci/media-type.ts';

/** Names in lower case; a header that came in several lines is a list. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** A header's value, its lines joined by commas; undefined when it is not there. */
export function headerText(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** A header's lines. */
export function headerLines(headers: ResponseHeaders, name: string): readonly string[] {
  const value = headers[name] ?? [];
  return Array.isArray(value) ? value : [value];
}

/** `Content-Type` without its parameters, in lower case; empty when it is missing. */
export function mediaType(headers: ResponseHeaders): string {
  return bareMediaType(headerText(headers, 'content-type') ?? '');
}

/** `Content-Length` in bytes; undefined when it is missing or no plain number. */
export function contentLength(headers: ResponseHeaders): number | undefined {
  const text = headerText(headers, 'content-length') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
