import type { z } from '../../base/zod.ts';
import { maxDocumentBytes, type Archive } from './archive.ts';
import { ArchiveError } from './archive-error.ts';

/**
 * The JSON of an entry; undefined when there is no such entry.
 * @throws {ArchiveError} for what is no JSON, with its line
 */
export async function readJson(archive: Archive, entry: string): Promise<unknown> {
  const bytes = await archive.read(entry, maxDocumentBytes);
  return bytes && parseJson(archive, entry, bytes);
}

/** @throws {ArchiveError} */
export function parseJson(archive: Archive, entry: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? `: ${cause.message}` : '';
    throw new ArchiveError(archive.file, entry, `is not JSON${reason}`, { cause });
  }
}

/** @throws {ArchiveError} for a document of another shape, with the place in it */
export function checked<T>(archive: Archive, entry: string, schema: z.ZodType<T>, json: unknown): T {
  const read = schema.safeParse(json);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const place = issue?.path.join('.') ?? '';
  throw new ArchiveError(
    archive.file,
    entry,
    `is not understood: ${place === '' ? '' : `${place}: `}${issue?.message ?? ''}`,
  );
}
