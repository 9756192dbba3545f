import type { Guide } from './guide.ts';

const width = 100;

/** Everything of a guide, with the explanations as comments, so that a part can be pasted as it is. */
export function printGuide({ files, snippets, after, decisions = [], notes }: Guide): string {
  return [
    ...files.map(({ path, edit }) => `# ${path}\n${edit.shown}`),
    ...snippets.map(({ title, text }) => `# ${title}\n${text}`),
    ...(after.length === 0 ? [] : [printAfter(after)]),
    ...printNotes([...decisions, ...notes]),
  ].join('\n');
}

/** What to run once the files are there. */
export function printAfter(after: readonly string[]): string {
  return `# Then:\n${after.map((command) => `#   ${command}\n`).join('')}`;
}

/** Nothing, or one text. */
export function printNotes(notes: readonly string[]): readonly string[] {
  return notes.length === 0 ? [] : [`# Good to know:\n${notes.map(printNote).join('')}`];
}

/** Lines after the first are code, which is not wrapped. */
function printNote(note: string): string {
  const [sentence = '', ...code] = note.split('\n');
  const lines = [...wrap(sentence, width - 4), ...code.map((line) => `  ${line}`)];
  return lines.map((line, index) => `# ${index === 0 ? '- ' : '  '}${line}\n`).join('');
}

function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
