import { parseJson } from '../../base/json.ts';

/** What the comments at the head of a Dockerfile set. */
export interface Directives {
  /** `\` or a backtick. */
  readonly escape: string;
  /** What is wrong with them. */
  readonly problem: { readonly line: number; readonly message: string } | undefined;
}

/** The image of the frontend that reads a Dockerfile, and where it is named. */
export interface Syntax {
  readonly image: string;
  readonly line: number;
}

const known: ReadonlySet<string> = new Set(['syntax', 'escape', 'check']);

/**
 * Reads the directives of a Dockerfile: comments `# name=value` before anything else.
 * @see https://docs.docker.com/reference/dockerfile/#parser-directives
 */
export function readDirectives(lines: readonly string[]): Directives {
  let escape = '\\';
  const seen = new Set<string>();
  for (const [index, text] of lines.entries()) {
    const directive = directiveOf(text.trimStart(), '#');
    if (directive === undefined) break;
    const { name, value } = directive;
    const line = index + 1;
    if (seen.has(name)) return { escape, problem: { line, message: `a second directive ${name}` } };
    seen.add(name);
    if (name !== 'escape') continue;
    if (value !== '\\' && value !== '`') {
      return { escape, problem: { line, message: `escape is neither \\ nor \`: ${value.slice(0, 20)}` } };
    }
    escape = value;
  }
  return { escape, problem: undefined };
}

/**
 * The frontend that a file names: `# syntax=IMAGE` at its head, after a line `#!…` if there is one; for files
 * that are not Dockerfiles also `//syntax=IMAGE`, or a JSON object with a key `syntax`.
 */
export function findSyntax(lines: readonly string[]): Syntax | undefined {
  const start = lines[0]?.startsWith('#!') === true ? 1 : 0;
  for (const comment of ['#', '//']) {
    for (let index = start; index < lines.length; index += 1) {
      const directive = directiveOf(lines[index] ?? '', comment);
      if (directive === undefined) break;
      const { name, value } = directive;
      if (name === 'syntax') return { image: value.split(' ', 1)[0] ?? value, line: index + 1 };
    }
  }
  return syntaxOfJson(lines);
}

function directiveOf(
  text: string,
  comment: string,
): { readonly name: string; readonly value: string } | undefined {
  if (!text.startsWith(comment)) return undefined;
  const rest = text.slice(comment.length).trim();
  const [, name = '', value = ''] = /^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/su.exec(rest) ?? [];
  return known.has(name.toLowerCase()) ? { name: name.toLowerCase(), value } : undefined;
}

function syntaxOfJson(lines: readonly string[]): Syntax | undefined {
  if (lines[0]?.trimStart().startsWith('{') !== true) return undefined;
  const json = parseJson(lines.join('\n'));
  if (typeof json !== 'object' || json === null || !('syntax' in json)) return undefined;
  return typeof json.syntax === 'string' ? { image: json.syntax, line: 1 } : undefined;
}
