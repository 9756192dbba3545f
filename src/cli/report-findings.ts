import type { Found, Remark } from '../references/found-image.ts';
import type { Terminal } from './terminal.ts';

/** Tells what is wrong with files, what cannot be resolved, and what is worth knowing. */
export function reportFindings(terminal: Terminal, { unresolved, notes, problems }: Found): void {
  for (const problem of problems) terminal.err(`entrepot: ${placeText(problem)}: ${problem.message}\n`);
  for (const { file, line, text, problem, advice } of unresolved) {
    const remedy = advice === undefined ? '' : `; give ${advice}`;
    terminal.err(`${placeText({ file, line })}: not resolved: ${text}: ${problem}${remedy}\n`);
  }
  for (const note of notes) terminal.err(`${placeText(note)}: note: ${note.message}\n`);
}

function placeText({ file, line }: Pick<Remark, 'file' | 'line'>): string {
  return line === undefined ? file : `${file}:${line}`;
}
