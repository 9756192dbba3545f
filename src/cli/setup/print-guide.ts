import { textOf } from './files/local-file.ts';
import type { Guide, Note } from './guide.ts';

const width = 100;

/** Everything of a guide, with the explanations as comments, so that a part can be pasted as it is. */
export function printGuide({ files = [], snippets = [], commands = [], decision, notes }: Guide): string {
  return [
    ...files.map((file) => `# ${file.path}\n${textOf(file)}`),
    ...snippets.map(({ title, text }) => `# ${title}\n${text}`),
    ...(commands.length === 0 ? [] : [printCommands(commands)]),
    ...printNotes([decision, ...notes]),
  ].join('\n');
}

/** What to run once the files are there. */
export function printCommands(commands: readonly string[]): string {
  return `# Then:\n${commands.map((command) => `#   ${command}\n`).join('')}`;
}

/** Nothing, or one text. */
export function printNotes(notes: readonly Note[]): readonly string[] {
  const printed = notes.filter((note) => typeof note === 'string').map(printNote);
  return printed.length === 0 ? [] : [`# Good to know:\n${printed.join('')}`];
}

/** Lines after the first are code, which is not wrapped. */
function printNote(note: string): string {
  const [sentence = '', ...code] = note.split('\n');
  const lines = [...wrap(sentence, width - 4), ...code.map((line) => `  ${line}`)];
  return lines.map((line, index) => `# ${index === 0 ? '- ' : '  '}${line}\n`).join('');
}

function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length === 0 || longer.length > columns) lines.push(word);
    else lines.splice(-1, 1, longer);
  }
  return lines;
}
