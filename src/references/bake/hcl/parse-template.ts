import type { Expression } from './expression.ts';
import { HclError } from './hcl-error.ts';
import type { Scanner } from './scanner.ts';

/** Reads the expression between `${` and `}`. */
export type ReadExpression = (scanner: Scanner) => Expression;

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** Reads a text in double quotes, of which the first is passed. */
export function readQuoted(scanner: Scanner, read: ReadExpression): Expression {
  return new TemplateReader(scanner, read).readTo((text, at) => (text[at] === '"' ? 1 : undefined), true);
}

/** Reads a text that is a template as a whole. */
export function readWhole(scanner: Scanner, read: ReadExpression): Expression {
  return new TemplateReader(scanner, read).readTo((text, at) => (at >= text.length ? 0 : undefined), false);
}

/** Reads a heredoc, of which `<<` is passed. */
export function readHeredoc(scanner: Scanner, read: ReadExpression): Expression {
  const { line } = scanner;
  const [opening, dash = '', mark = ''] =
    /^(-?)([\p{L}_][\p{L}\p{N}_-]*)\r?\n/u.exec(scanner.text.slice(scanner.at, scanner.at + 300)) ?? [];
  if (opening === undefined) throw scanner.error('a heredoc has a word after <<');
  const start = scanner.at + opening.length;
  const end = new RegExp(`^[ \\t]*${mark}[ \\t]*\\r?$`, 'mu');
  const length = scanner.text.slice(start).search(end);
  if (length < 0) throw new HclError(line, `the heredoc ${mark} has no end`);
  scanner.at = start;
  const parsed = new TemplateReader(scanner, read).readTo(
    (_text, at) => (at >= start + length ? 0 : undefined),
    false,
  );
  const [closing = ''] = /^[^\n]*/u.exec(scanner.text.slice(scanner.at)) ?? [];
  scanner.at += closing.length;
  return dash === '' ? parsed : unindented(parsed);
}

class TemplateReader {
  readonly #scanner: Scanner;
  readonly #read: ReadExpression;

  constructor(scanner: Scanner, read: ReadExpression) {
    this.#scanner = scanner;
    this.#read = read;
  }

  /** @param ends how many characters end the template at a place; undefined: it goes on */
  readTo(ends: (text: string, at: number) => number | undefined, hasEscapes: boolean): Expression {
    const scanner = this.#scanner;
    const { line, text } = scanner;
    const parts: Expression[] = [];
    let literal = '';
    let isTrimming = false;
    const flush = (): void => {
      const value = isTrimming ? literal.trimStart() : literal;
      if (value !== '') parts.push({ type: 'literal', line, value });
      literal = '';
      isTrimming = false;
    };
    for (let end = ends(text, scanner.at); end === undefined; end = ends(text, scanner.at)) {
      if (scanner.at >= text.length) throw new HclError(line, 'a text that is not closed');
      const rest = text.slice(scanner.at, scanner.at + 3);
      if (rest === '$${' || rest === '%%{') {
        literal += rest.slice(1);
        scanner.at += 3;
      } else if (rest.startsWith('%{')) throw scanner.error('%{ } in a text is not known here');
      else if (rest.startsWith('${')) {
        scanner.at += 2;
        if (scanner.takes('~')) literal = literal.trimEnd();
        flush();
        parts.push(scanner.within(true, () => this.#read(scanner)));
        scanner.within(true, () => {
          isTrimming = scanner.takes('~');
          scanner.expect('}');
        });
      } else literal += hasEscapes ? this.#character() : this.#plain();
    }
    scanner.at += ends(text, scanner.at) ?? 0;
    flush();
    const [first] = parts;
    // Alone, an expression keeps its type.
    if (parts.length === 1 && first !== undefined) return first;
    return parts.length === 0 ? { type: 'literal', line, value: '' } : { type: 'template', line, parts };
  }

  #plain(): string {
    this.#scanner.at += 1;
    return this.#scanner.text.charAt(this.#scanner.at - 1);
  }

  #character(): string {
    const char = this.#plain();
    if (char === '\n') throw this.#scanner.error('a text that is not closed on its line');
    if (char !== '\\') return char;
    const escape = this.#plain();
    if (escape !== 'u' && escape !== 'U') {
      const plain = escapes[escape];
      if (plain === undefined) throw this.#scanner.error(`unknown escape \\${escape}`);
      return plain;
    }
    const length = escape === 'u' ? 4 : 8;
    const digits = this.#scanner.text.slice(this.#scanner.at, this.#scanner.at + length);
    const code =
      /^[0-9a-f]+$/iu.test(digits) && digits.length === length ? Number.parseInt(digits, 16) : Infinity;
    if (code > 0x10_ffff) throw this.#scanner.error('unknown escape');
    this.#scanner.at += length;
    return String.fromCodePoint(code);
  }
}

/** Without the indentation that all lines share; what is put in does not count. */
function unindented(template: Expression): Expression {
  const parts = template.type === 'template' ? template.parts : [template];
  const texts = parts.map((part) =>
    part.type === 'literal' && typeof part.value === 'string' ? part.value : '',
  );
  const indents = texts.flatMap((text, index) => {
    // Before what is put in, blanks at the end are an indentation, too.
    const before = index === texts.length - 1 ? '(?=[^ \\t\\n\\r])' : '(?=[^ \\t\\n\\r]|$)';
    const start = index === 0 ? '(?:^|\\n)' : '\\n';
    const lines = text.matchAll(new RegExp(`${start}([ \\t]*)${before}`, 'gu'));
    return [...lines].map(([, indent = '']) => indent.length);
  });
  const least = indents.length === 0 ? 0 : Math.min(...indents);
  const cut = parts.map((part, index) => {
    if (part.type !== 'literal' || typeof part.value !== 'string') return part;
    const indent = new RegExp(`${index === 0 ? '(^|\\n)' : '(\\n)'}[ \\t]{${least}}`, 'gu');
    return { ...part, value: part.value.replaceAll(indent, '$1') };
  });
  const [first] = cut;
  return template.type === 'template' ? { ...template, parts: cut } : (first ?? template);
}
