/** An answer before anything goes wrong with it. */
export interface Answer {
  readonly status: number;
  /** Lower-case names. Content-Length is added from the body. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Where the body starts within the content, in bytes. */
  readonly offset: number;
  /** The content's digest, if it is a blob or manifest. */
  readonly digest: string | undefined;
}

const versionHeader = { 'docker-distribution-api-version': 'registry/2.0' };

export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...versionHeader, ...headers },
    body: Buffer.from(JSON.stringify(value)),
    offset: 0,
    digest: undefined,
  };
}

/** An error as the distribution spec writes it. */
export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return jsonAnswer(status, { errors: [{ code, message }] }, headers);
}

/** Like Docker Hub's, with a short HTML body. */
export function redirectAnswer(location: string): Answer {
  return {
    status: 307,
    headers: { 'content-type': 'text/html; charset=utf-8', location, ...versionHeader },
    body: Buffer.from('<a href="elsewhere">Temporary Redirect</a>.\n\n'),
    offset: 0,
    digest: undefined,
  };
}

/** Content with its digest: whole, or the one range asked for (RFC 9110, section 14), or 416, or 304. */
export function contentAnswer(content: {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly range: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}): Answer {
  const { bytes, digest, range, ifNoneMatch } = content;
  const headers = { etag: `"${digest}"`, ...content.headers };
  const answer = { offset: 0, digest, body: new Uint8Array() };
  if (ifNoneMatch === `"${digest}"` || ifNoneMatch === digest) return { ...answer, status: 304, headers };
  const wanted = range === undefined ? undefined : readRange(range, bytes.length);
  if (wanted === undefined) return { ...answer, status: 200, headers, body: bytes };
  if (wanted === 'unsatisfiable') {
    return { ...answer, status: 416, headers: { ...headers, 'content-range': `bytes */${bytes.length}` } };
  }
  return {
    ...answer,
    status: 206,
    headers: { ...headers, 'content-range': contentRange(wanted.start, wanted.end, bytes.length) },
    body: bytes.subarray(wanted.start, wanted.end + 1),
    offset: wanted.start,
  };
}

/** `end` is inclusive, as in the header. */
export function contentRange(start: number, end: number, size: number): string {
  return `bytes ${start}-${end}/${size}`;
}

function readRange(
  header: string,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header);
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? 'unsatisfiable' : { start, end };
}
