import { randomBytes } from 'node:crypto';
import { contentRange, type ByteRange } from './range.ts';
import type { HeaderList } from './reply.ts';

/** A range of a blob, and the text that goes before it. */
export interface Part {
  readonly prefix: string;
  readonly range: ByteRange;
}

/** What of a blob an answer has, and how it says so. */
export interface Content {
  readonly status: 200 | 206;
  readonly headers: HeaderList;
  /** In the order in which they are sent. */
  readonly parts: Iterable<Part>;
  /** Goes after the last part. */
  readonly suffix: string;
}

/** The type of a blob's bytes. */
export const blobType = 'application/octet-stream';

/**
 * All of a blob of `size` bytes, or the ranges that {@link parseRanges} found: several as parts of one body.
 * If the size is not known yet (Infinity), all of it in chunks.
 */
export function contentOf(size: number, ranges: readonly ByteRange[] | undefined): Content {
  const [first, ...others] = ranges ?? [];
  if (first === undefined) return plain(200, { start: 0, end: size }, []);
  if (others.length === 0) return plain(206, first, ['Content-Range', contentRange(first, size)]);
  return byteranges(size, [first, ...others]);
}

function plain(status: 200 | 206, range: ByteRange, headers: HeaderList): Content {
  const length = range.end === Infinity ? [] : ['Content-Length', String(range.end - range.start)];
  return {
    status,
    headers: ['Content-Type', blobType, ...length, ...headers],
    parts: [{ prefix: '', range }],
    suffix: '',
  };
}

/**
 * Several ranges as `multipart/byteranges`. The texts between them are made one at a time: there may be
 * thousands.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.6
 */
function byteranges(size: number, ranges: readonly ByteRange[]): Content {
  // Must not be guessed by who made the blob, which could end a part from within.
  const boundary = randomBytes(16).toString('hex');
  const prefix = (range: ByteRange): string =>
    `\r\n--${boundary}\r\nContent-Type: ${blobType}\r\nContent-Range: ${contentRange(range, size)}\r\n\r\n`;
  const suffix = `\r\n--${boundary}--\r\n`;
  let length = suffix.length;
  for (const range of ranges) length += prefix(range).length + range.end - range.start;
  return {
    status: 206,
    headers: ['Content-Type', `multipart/byteranges; boundary=${boundary}`, 'Content-Length', String(length)],
    parts: {
      *[Symbol.iterator]() {
        for (const range of ranges) yield { prefix: prefix(range), range };
      },
    },
    suffix,
  };
}
