/** A part of a YAML stream, as it stands. */
export interface YamlPart {
  readonly text: string;
  /** Where it begins, from 1. */
  readonly line: number;
}

/** What begins a document: it can be no part of what another one says, not even of a block of text. */
const marker = /(?:^|\n)(---(?=[ \t\r\n]|$))/gu;

/** A line that is neither blank nor a comment, a directive or a marker alone. */
const content = /^(?!---[ \t\r]*$)[ \t]*[^\s#%]/mu;

/**
 * A stream of YAML documents, divided at its `---` lines: much faster than to parse all of it, where most documents are of no
 * interest. Empty ones and directives (`%YAML 1.2`) are left out.
 */
export function yamlParts(text: string): readonly YamlPart[] {
  const parts: YamlPart[] = [];
  let start = 0;
  let line = 1;
  const add = (end: number): void => {
    const part = text.slice(start, end);
    if (content.test(part)) parts.push({ text: part, line });
    line += countLines(part);
    start = end;
  };
  for (const { index, 0: all, 1: found = '' } of text.matchAll(marker))
    add(index + all.length - found.length);
  add(text.length);
  return parts;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
