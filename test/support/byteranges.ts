/** A part of a `multipart/byteranges` body. */
export interface ReceivedPart {
  /** Where it lies in the whole: from `start` up to, not including, `end`. */
  readonly start: number;
  readonly end: number;
  /** Bytes of the whole. */
  readonly size: number;
  readonly bytes: Buffer;
}

/**
 * The parts of a body, read as strictly as the standards allow. Throws for anything else.
 * @see https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1
 */
export function receivedParts(contentType: string | undefined, body: Buffer): readonly ReceivedPart[] {
  const boundary = /^multipart\/byteranges; boundary=([0-9a-zA-Z'()+_,./:=?-]{1,70})$/.exec(
    contentType ?? '',
  )?.[1];
  if (boundary === undefined) throw new Error(`no multipart/byteranges: ${contentType}`);
  const parts: ReceivedPart[] = [];
  let position = 0;
  const take = (text: string): boolean => {
    const matches = body.toString('latin1', position, position + text.length) === text;
    if (matches) position += text.length;
    return matches;
  };
  while (take(`\r\n--${boundary}\r\n`)) {
    const endOfHead = body.indexOf('\r\n\r\n', position);
    const head = body.toString('latin1', position, endOfHead);
    const [type, range, ...rest] = head.split('\r\n');
    const [, first, last, total] = /^Content-Range: bytes (\d+)-(\d+)\/(\d+)$/.exec(range ?? '') ?? [];
    if (type !== 'Content-Type: application/octet-stream' || total === undefined || rest.length > 0) {
      throw new Error(`the head of a part: ${head}`);
    }
    const [start, end, size] = [Number(first), Number(last) + 1, Number(total)];
    position = endOfHead + 4;
    parts.push({ start, end, size, bytes: body.subarray(position, position + end - start) });
    position += end - start;
  }
  if (!take(`\r\n--${boundary}--\r\n`) || position !== body.length) {
    throw new Error(`something else at byte ${position} of ${body.length}`);
  }
  return parts;
}
