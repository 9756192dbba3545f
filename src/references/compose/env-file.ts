import { BadFile } from '../bad-file.ts';
import type { SourceFile } from '../source-file.ts';
import { substitute, type Lookup, type VariableProblem } from './substitute.ts';

/** Variables by name; one that could not be computed says why, if it is asked for. */
export type Variables = ReadonlyMap<string, string | VariableProblem>;

/** Characters; patterns below keep a few bytes for each. */
const maxLength = 2 ** 20;

/** White space, line breaks aside. */
const blanks = /[\t\v\f\r \u0085\u00a0]*/uy;
const whiteSpace = /(?:\s|#[^\n]*)*/uy;
const exported = /export\s+/uy;
/** A name up to what ends it; without `=` or `:` the variable is taken from around. */
const nameAndEnd = /([\p{L}\p{N}_.\-[\]\t\v\f\r \u0085\u00a0]*)([=:\n])/uy;
const rest = /[^\n]*\n?/uy;
const quoted = /"((?:\\[^]|[^"\\])*)"|'((?:\\[^]|[^'\\])*)'/uy;
const escape = /\\(?:([abcfnrtv$"\\])|0(\d{0,3}))/gu;

const escaped: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
  // Left to the substitution of variables.
  $: '$$',
};

/**
 * Reads an env file as Compose does: quotes, `export`, comments, values of several lines, and variables in
 * values.
 * @param outer variables that come before those of the file
 * @throws {BadFile} with the line; no message contains a value
 * @see https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
 */
export function readEnvFile(file: SourceFile, outer: Lookup): Variables {
  return new EnvFileReader(file, outer).read();
}

class EnvFileReader {
  readonly #file: SourceFile;
  readonly #text: string;
  readonly #outer: Lookup;
  readonly #variables = new Map<string, string | VariableProblem>();
  #at = 0;

  constructor(file: SourceFile, outer: Lookup) {
    this.#file = file;
    this.#text = `${file.text}\n`;
    this.#outer = outer;
  }

  read(): Variables {
    const { length } = this.#text;
    if (length > maxLength) this.#refuse(0, `is larger than ${maxLength / 2 ** 20} MiB`);
    for (this.#take(whiteSpace); this.#at < length; this.#take(whiteSpace)) {
      this.#take(exported);
      const start = this.#at;
      const [, written = '', end] = this.#take(nameAndEnd) ?? this.#refuse(start, 'is no line NAME=VALUE');
      const name = written.trimEnd();
      if (name.includes(' ')) this.#refuse(start, 'has a space within a name');
      if (end === '\n') this.#inherit(name);
      else this.#variables.set(name, this.#value());
    }
    return this.#variables;
  }

  /** A name alone takes the value that the variable has already. */
  #inherit(name: string): void {
    const value = this.#outer(name);
    if (value !== undefined) this.#variables.set(name, value);
  }

  #value(): string | VariableProblem {
    this.#take(blanks);
    const start = this.#at;
    const quote = this.#text[start];
    if (quote !== '"' && quote !== "'") {
      const [line = ''] = this.#take(rest) ?? [];
      return this.#substitute((line.split(' #')[0] ?? '').trimEnd());
    }
    const [, double, single = ''] =
      this.#take(quoted) ?? this.#refuse(start, 'has a quote that is not closed');
    if (double === undefined) return single.replaceAll("\\'", "'");
    return this.#substitute(unescape(double));
  }

  #substitute(template: string): string | VariableProblem {
    const result = substitute(template, (name) => this.#outer(name) ?? this.#variables.get(name));
    return 'text' in result ? result.text : result;
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? undefined;
    if (match !== undefined) this.#at = pattern.lastIndex;
    return match;
  }

  #refuse(offset: number, message: string): never {
    const line = this.#text.slice(0, offset).split('\n').length;
    throw new BadFile({ file: this.#file.path, line, message });
  }
}

function unescape(text: string): string {
  return text.replaceAll(escape, (all: string, letter: string | undefined, octal: string = '') => {
    if (letter !== undefined) return escaped[letter] ?? all;
    const code = /^[0-7]{3}$/u.test(octal) ? parseInt(octal, 8) : Infinity;
    return code < 256 ? String.fromCodePoint(code) : `\\${octal}`;
  });
}
