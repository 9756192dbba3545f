import { CareError, careErrorKinds } from '../cache/care/care-error.ts';
import { z } from '../base/zod.ts';

export const contentType = 'application/x-ndjson';

/** In characters; far longer than any line, such as of an image with a manifest of 4 MiB. */
const maxLineLength = 64 * 1024 * 1024;

const lineSchema = z.union([
  z.object({ end: z.literal(true) }),
  z.object({ error: z.object({ kind: z.enum(careErrorKinds), message: z.string() }) }),
  // Its operation has the schema of the item.
  z.object({ item: z.unknown() }),
]);

/** A line of an answer (NDJSON): items, then the end or an error. An answer without either was cut off. */
export type Line = z.infer<typeof lineSchema>;

export function printLine(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

export function errorLine({ kind, message }: CareError): Line {
  return { error: { kind, message } };
}

/**
 * The items of an answer that arrives in pieces of text.
 * @throws {CareError} that of the answer, or `unavailable` when it makes no sense or is cut off
 */
export async function* itemsOf(pieces: AsyncIterable<string>): AsyncGenerator {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLineLength) throw strange();
    for (const one of lines) {
      const read = parse(one);
      if ('error' in read) throw new CareError(read.error.kind, read.error.message);
      if ('end' in read) return;
      yield read.item;
    }
  }
  throw new CareError('unavailable', 'the server ended before this was done');
}

function parse(text: string): Line {
  try {
    return lineSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw strange(cause);
  }
}

function strange(cause?: unknown): CareError {
  const message = 'the server says what this version of the command does not understand';
  return new CareError('unavailable', message, { cause });
}
