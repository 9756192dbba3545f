/** Why a file is left as it is, as the end of a sentence that begins with its name. */
export class EditConflict extends Error {
  override readonly name = 'EditConflict';
}

export type EditKind = 'json' | 'yaml' | 'block' | 'whole';

/** What was added at one place of a JSON or YAML file. */
export interface AddedEntry {
  /** The keys that lead there. */
  readonly path: readonly string[];
  /** Members of a list; undefined for a string that stands by itself. */
  readonly values?: readonly string[] | undefined;
  /** How many of the keys were there before. */
  readonly depth: number;
}

export interface Edited {
  readonly text: string;
  /** For {@link Edit} of JSON and YAML; what is needed to take it back when others changed the file since. */
  readonly added: readonly AddedEntry[];
}

/** What others left in a file once Entrepot's part is out of it. */
export interface Rest {
  readonly text: string;
  /** Nothing that a program would read is left. */
  readonly empty: boolean;
}

/** What Entrepot wants in one file, whatever else is in it. */
export interface Edit {
  readonly kind: EditKind;
  /** As a file that has nothing else. */
  readonly shown: string;
  /**
   * Adds it to the text of the file, of which it is no part yet; gives the same text if there is nothing to add.
   *
   * @param text undefined when there is no file
   * @throws EditConflict
   */
  apply(text: string | undefined): Edited;
}
