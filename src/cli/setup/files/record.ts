import { createHash } from 'node:crypto';
import { z } from '../../../base/zod.ts';
import { SetupError } from '../../setup-error.ts';

/** What was added at one place of a JSON file, or by earlier versions of a YAML file. */
const addedEntry = z.object({
  /** The keys that lead there. */
  path: z.array(z.string()),
  /** Members of a list; undefined for a string, which only earlier versions added. */
  values: z.array(z.string()).optional(),
  /** How many of the keys were there before. */
  depth: z.number(),
});

/** What was done to one file. Hashes are of its whole text; null stands for a file that is not there. */
const recordedFile = z.object({
  path: z.string(),
  /** `yaml` was used by versions up to 0.1. */
  kind: z.enum(['json', 'yaml', 'block', 'whole']),
  /** Without Entrepot's part, when that was last added. */
  base: z.string().nullable(),
  /** Of the backup beside it, which is from before the first time. */
  backup: z.string().nullable(),
  written: z.string(),
  added: z.array(addedEntry),
});

/** Kept beside a client's files: what Entrepot added to them, so that undo needs no options. */
const setupRecord = z.object({
  version: z.literal(1),
  files: z.array(recordedFile),
  /** Those that were made for these files. */
  folders: z.array(z.string()),
});

export type AddedEntry = z.output<typeof addedEntry>;
export type RecordedFile = z.output<typeof recordedFile>;
type SetupRecord = z.output<typeof setupRecord>;

/** @throws SetupError when it is not one of ours */
export function parseRecord(path: string, text: string | undefined): SetupRecord {
  if (text === undefined) return { version: 1, files: [], folders: [] };
  try {
    return setupRecord.parse(JSON.parse(text));
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
