import type { AddedEntry } from './record.ts';

/** A file with Entrepot's part, and what is needed to remove that when others have changed the file since. */
export interface Edited {
  readonly text: string;
  readonly added: readonly AddedEntry[];
}

/** What others left in a file once Entrepot's part is out of it. */
export interface Rest {
  readonly text: string;
  /** Nothing that a program would read is left. */
  readonly empty: boolean;
}

/** Why a file is left as it is, as the end of a sentence that begins with its name. */
export class FileConflict extends Error {
  override readonly name = 'FileConflict';
}
