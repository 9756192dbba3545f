import { createHash } from 'node:crypto';
import { z } from '../../../base/zod.ts';
import { SetupError } from '../setup-error.ts';
import type { AddedEntry, EditKind } from './edit.ts';

/** What was done to one file. Hashes are of its whole text; null stands for a file that is not there. */
export interface RecordedFile {
  readonly path: string;
  readonly kind: EditKind;
  /** Without Entrepot's part, when that was last added. */
  readonly base: string | null;
  /** Of the backup beside it, which is from before the first time. */
  readonly backup: string | null;
  readonly written: string;
  readonly added: readonly AddedEntry[];
}

/** Remembers, beside a client's files, what Entrepot added to them, so that undo needs neither options nor guesses. */
export interface SetupRecord {
  readonly version: 1;
  readonly files: readonly RecordedFile[];
  /** That were made for these files. */
  readonly folders: readonly string[];
}

const schema = z.object({
  version: z.literal(1),
  files: z.array(
    z.object({
      path: z.string(),
      kind: z.enum(['json', 'yaml', 'block', 'whole']),
      base: z.string().nullable(),
      backup: z.string().nullable(),
      written: z.string(),
      added: z.array(
        z.object({
          path: z.array(z.string()),
          values: z.array(z.string()).optional(),
          depth: z.number(),
        }),
      ),
    }),
  ),
  folders: z.array(z.string()),
});

const nothingDone: SetupRecord = { version: 1, files: [], folders: [] };

/** @throws SetupError when it is not one of ours */
export function parseRecord(path: string, text: string | undefined): SetupRecord {
  if (text === undefined) return nothingDone;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new SetupError(
      `${path} is not a record of entrepot setup, or is from a newer version: check it, and remove it if you do not need it`,
      { cause },
    );
  }
}

export function formatRecord(record: SetupRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
