import { FileConflict, type Rest } from './edited.ts';

const begin = '# >>> entrepot setup: from here to "<<<" is taken out again by --undo';
const end = '# <<< entrepot setup';

/**
 * Puts lines between two marks at the end of a text, in place of those that are there.
 *
 * @param lines end with a line break
 * @throws FileConflict when a mark has lost its other half
 */
export function addBlock(text: string, lines: string): string {
  const { text: rest, empty } = removeBlock(text);
  const gap = empty ? '' : rest.endsWith('\n') ? '\n' : '\n\n';
  return `${rest}${gap}${begin}\n${lines}${end}\n`;
}

/** @throws FileConflict when a mark has lost its other half */
export function removeBlock(text: string): Rest {
  const from = text.indexOf(begin);
  const to = text.indexOf(end, Math.max(from, 0));
  if (from === -1 && to === -1) return { text, empty: text.trim() === '' };
  if (from === -1 || to === -1) {
    throw new FileConflict('has one of the lines that mark what Entrepot added, and not the other');
  }
  const before = text.slice(0, from).replace(/\n\n$/u, '\n');
  const after = text.slice(to + end.length).replace(/^\r?\n/u, '');
  const rest = `${before}${after}`;
  return { text: rest, empty: rest.trim() === '' };
}
