import { CareError, careErrorKinds } from '../cache/care/care-error.ts';
import { z } from '../base/zod.ts';

/**
 * An answer is lines of JSON (NDJSON): any number of items, then the end or an error. One that stops without either was
 * cut off.
 */
type Line = { readonly item: unknown } | { readonly end: true } | { readonly error: ErrorShape };

export const contentType = 'application/x-ndjson';

/** Characters that a line may have; the longest are far shorter. */
const maxLineLength = 1024 * 1024;

const errorShape = z.object({ kind: z.enum(careErrorKinds), message: z.string() });
type ErrorShape = z.infer<typeof errorShape>;

const line: z.ZodType<Line> = z.union([
  z.object({ end: z.literal(true) }),
  z.object({ error: errorShape }),
  // What the item is, its operation says.
  z.object({ item: z.unknown() }),
]);

export function itemLine(item: unknown): string {
  return print({ item });
}

export const endLine = print({ end: true });

export function errorLine({ kind, message }: CareError): string {
  return print({ error: { kind, message } });
}

function print(value: Line): string {
  return `${JSON.stringify(value)}\n`;
}

/**
 * The items of an answer that arrives in pieces of text.
 * @throws {CareError} the one that the answer ends with, or `unavailable` when it makes no sense or is cut off
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
    return line.parse(JSON.parse(text));
  } catch (cause) {
    throw strange(cause);
  }
}

function strange(cause?: unknown): CareError {
  return new CareError(
    'unavailable',
    'the server says what this version of the command does not understand',
    {
      cause,
    },
  );
}
