import { addBlock, removeBlock } from './block.ts';
import { FileConflict, type Edited } from './edited.ts';
import { addToLists, type StringLists } from './json-lists.ts';

/** A file on the client's machine. */
export type LocalFile = OwnFile | JsonFile;

/** A file of Entrepot's own, besides comments: another file in its place is never changed. */
interface OwnFile {
  /** Absolute, or relative to the folder of the user's project. */
  readonly path: string;
  /** `block` for formats with `#` comments: what others add around the block is kept. */
  readonly kind: 'block' | 'whole';
  readonly text: string;
  /**
   * For a file that its owner may have written: what to change there by hand; undefined for nothing.
   * @throws FileConflict
   */
  readonly byHand?: (text: string) => string | undefined;
}

/** A JSON object that is shared with others: Entrepot adds members to some of its lists. */
interface JsonFile {
  readonly path: string;
  readonly kind: 'json';
  readonly lists: StringLists;
}

/** The file as it is on a machine that has none. */
export function textOf(file: LocalFile): string {
  return file.kind === 'json' ? addToLists('{}\n', file.lists).text : file.text;
}

/** Whether a file that is there, Entrepot's part taken out, has settings of others which it must not have. */
export function isTaken(file: LocalFile, theirs: string | undefined): boolean {
  if (file.kind === 'json' || theirs === undefined) return false;
  if (file.kind === 'whole') return theirs !== file.text;
  const { text } = removeBlock(theirs);
  return text.includes('\uFEFF') || text.split('\n').some((line) => !/^\s*(?:#|$)/u.test(line));
}

/**
 * Adds Entrepot's part to the text of a file, of which it is no part yet.
 * @param theirs undefined when there is no file
 * @throws FileConflict
 */
export function addTo(file: LocalFile, theirs: string | undefined): Edited {
  if (file.kind === 'json') return addToLists(theirs ?? '', file.lists);
  if (isTaken(file, theirs)) {
    throw new FileConflict('is there already, and was not written by entrepot setup: add the lines by hand');
  }
  return { text: file.kind === 'block' ? addBlock(theirs ?? '', file.text) : file.text, added: [] };
}

/** The only file of a client's settings: where its owner has one, the lines have to be put there by hand. */
export function mainFile(file: Omit<OwnFile, 'byHand'>): LocalFile {
  const { text } = file;
  return {
    ...file,
    byHand: (theirs) =>
      theirs.includes(text) ? undefined : 'put in what "entrepot setup" without --apply prints for it',
  };
}
