import { hasMark } from './byte-order-mark.ts';
import { EditConflict, type Edit, type Edited, type Rest } from './edit.ts';
import { proveLines } from './read-again.ts';

const begin = '# >>> entrepot setup: from here to "<<<" is taken out again by --undo';
const end = '# <<< entrepot setup';

/**
 * What to add to a file that has this text, '' when there is none; ends with a line break. Undefined when the text makes it
 * needless. Throws EditConflict when the two cannot stand together.
 */
export type LinesFor = (rest: string) => string | undefined;

/** Lines between two marks at the end of a file whose other lines are not touched. */
export class BlockEdit implements Edit {
  readonly kind = 'block';
  readonly shown: string;
  readonly #linesFor: LinesFor;

  constructor(linesFor: LinesFor) {
    this.shown = linesFor('') ?? '';
    this.#linesFor = linesFor;
  }

  apply(text: string | undefined): Edited {
    if (text !== undefined && hasMark(text)) {
      throw new EditConflict('begins with a byte order mark, which not all versions read: save it without');
    }
    const { text: rest, empty } = takeBackBlock(text ?? '');
    const lines = this.#linesFor(rest);
    if (lines === undefined) return { text: rest, added: [] };
    const gap = empty ? '' : rest.endsWith('\n') ? '\n' : '\n\n';
    const after = `${rest}${gap}${begin}\n${lines}${end}\n`;
    proveLines(rest, after, lines);
    return { text: after, added: [] };
  }
}

/** @throws EditConflict when a mark has lost its other half */
export function takeBackBlock(text: string): Rest {
  const from = text.indexOf(begin);
  const to = text.indexOf(end, Math.max(from, 0));
  if (from === -1 && to === -1) return { text, empty: text.trim() === '' };
  if (from === -1 || to === -1) {
    throw new EditConflict('has one of the lines that mark what Entrepot added, and not the other');
  }
  const before = text.slice(0, from).replace(/\n\n$/u, '\n');
  const after = text.slice(to + end.length).replace(/^\r?\n/u, '');
  const rest = `${before}${after}`;
  return { text: rest, empty: rest.trim() === '' };
}
