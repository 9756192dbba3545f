import { replaced, trimmed } from './shell-pattern.ts';
import { WordError } from './word-error.ts';

/** How words are read. */
export interface WordOptions {
  /** `\` or a backtick. */
  readonly escape: string;
  /**
   * The value of a variable; undefined for one that is not set.
   * @throws {WordError} for one whose value is not known
   */
  readonly lookup: (name: string) => string | undefined;
  /** Leaves everything as it is written: only finds where words end. */
  readonly isRaw?: boolean;
}

/** What a word becomes. */
export interface ExpandedWord {
  readonly text: string;
  /** The same, split at white space that is not quoted. */
  readonly words: readonly string[];
  /** Variables that are not set, and were taken as empty. */
  readonly unset: readonly string[];
}

/**
 * Characters of a word with its variables; a few lines of variables of variables could have it grow without
 * end.
 */
const maxLength = 2 ** 16;

/**
 * Expands quotes, escapes and variables as BuildKit does.
 * @see https://docs.docker.com/reference/dockerfile/#environment-replacement
 * @throws {WordError}
 */
export function expandWord(text: string, options: WordOptions): ExpandedWord {
  return new WordReader(text, options).readAll();
}

/** Variables within one another; more would end the stack. */
const maxDepth = 100;

/** Which characters mean themselves. */
interface Mode {
  readonly keepsEscapes: boolean;
  /** Within a pattern, where an escape is read once more. */
  readonly isPattern: boolean;
}

const plain: Mode = { keepsEscapes: false, isPattern: false };
const pattern: Mode = { keepsEscapes: true, isPattern: true };
const replacement: Mode = { keepsEscapes: true, isPattern: false };

class WordReader {
  readonly #chars: readonly string[];
  readonly #options: WordOptions;
  readonly #unset = new Set<string>();
  #at = 0;
  #depth = 0;

  constructor(text: string, options: WordOptions) {
    this.#chars = Array.from(text);
    this.#options = options;
  }

  readAll(): ExpandedWord {
    const { isRaw = false } = this.#options;
    const split = new Splitter();
    const text = this.#readTo(undefined, { ...plain, keepsEscapes: isRaw }, split);
    return { text, words: split.end(), unset: [...this.#unset] };
  }

  get #next(): string | undefined {
    return this.#chars[this.#at];
  }

  #take(): string | undefined {
    const char = this.#next;
    this.#at += 1;
    return char;
  }

  /** Reads to a character, which is left out, or to the end. */
  #readTo(stop: string | undefined, mode: Mode, split = new Splitter()): string {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new WordError('too deeply nested');
    let text = '';
    for (let char = this.#next; char !== stop; char = this.#next) {
      if (char === undefined) throw new WordError(`${stop} is missing`);
      const part = this.#part(char, mode);
      text += part.text;
      if (text.length > maxLength) throw new WordError(`longer than ${maxLength} characters`);
      if (part.isQuoted) split.addWhole(part.text);
      else split.add(part.text);
    }
    this.#at += 1;
    this.#depth -= 1;
    return text;
  }

  #part(char: string, mode: Mode): { readonly text: string; readonly isQuoted: boolean } {
    if (char === "'") return { text: this.#singleQuoted(mode), isQuoted: true };
    if (char === '"') return { text: this.#doubleQuoted(mode), isQuoted: true };
    if (char === '$') return { text: this.#variable(), isQuoted: false };
    if (char === '<') return { text: this.#angle(), isQuoted: true };
    this.#at += 1;
    if (char !== this.#options.escape) return { text: char, isQuoted: false };
    // At the very end it stands for nothing.
    const escaped = this.#take() ?? '';
    return { text: mode.keepsEscapes ? char + escaped : escaped, isQuoted: true };
  }

  #singleQuoted(mode: Mode): string {
    const { escape, isRaw = false } = this.#options;
    this.#at += 1;
    let text = '';
    for (let char = this.#take(); char !== "'"; char = this.#take()) {
      if (char === undefined) throw new WordError("the closing ' is missing");
      text += mode.isPattern && char === escape ? char + char : char;
    }
    return isRaw ? `'${text}'` : text;
  }

  #doubleQuoted(mode: Mode): string {
    const { escape, isRaw = false } = this.#options;
    this.#at += 1;
    let text = '';
    for (let char = this.#next; char !== '"'; char = this.#next) {
      if (char === undefined) throw new WordError('the closing " is missing');
      if (char === '$') {
        text += this.#variable();
        continue;
      }
      this.#at += 1;
      if (char !== escape) {
        text += char;
        continue;
      }
      const after = this.#next;
      if (after === undefined) continue;
      if (['"', '$', escape].includes(after)) {
        this.#at += 1;
        text += mode.keepsEscapes ? char + after : after;
      } else {
        text += mode.keepsEscapes && (!isRaw || mode.isPattern) ? char + char : char;
      }
    }
    this.#at += 1;
    return isRaw ? `"${text}"` : text;
  }

  /** `<<` of a heredoc with the blanks after it, which do not end the word. */
  #angle(): string {
    this.#at += 1;
    if (this.#next !== '<') return '<';
    let text = '<';
    do {
      text += this.#take() ?? '';
    } while (this.#next !== undefined && ' \t\r'.includes(this.#next));
    return text;
  }

  #variable(): string {
    this.#at += 1;
    if (this.#next !== '{') {
      const name = this.#name();
      return name === '' ? '$' : this.#value(name, `$${name}`);
    }
    const start = this.#at - 1;
    this.#at += 1;
    if (this.#next === undefined) throw new WordError('} is missing');
    if ('{}:'.includes(this.#next)) throw new WordError('bad substitution');
    const name = this.#name();
    const operator = this.#take();
    if (operator === '}') return this.#value(name, `\${${name}}`);
    const isNullUnset = operator === ':';
    const modifier = isNullUnset ? this.#take() : operator;
    const text = this.#modified(name, modifier, isNullUnset);
    const isUnset = this.#options.lookup(name) === undefined;
    return this.#options.isRaw === true && isUnset ? this.#chars.slice(start, this.#at).join('') : text;
  }

  #modified(name: string, modifier: string | undefined, isNullUnset: boolean): string {
    const value = this.#options.lookup(name);
    const isSet = value !== undefined && !(isNullUnset && value === '');
    switch (modifier) {
      case '-': {
        const word = this.#readTo('}', plain);
        return isSet ? value : word;
      }
      case '+': {
        const word = this.#readTo('}', plain);
        return isSet ? word : '';
      }
      case '?': {
        const word = this.#readTo('}', plain);
        if (isSet || this.#options.isRaw === true) return value ?? '';
        const state = value === undefined ? 'not set' : 'empty';
        throw new WordError(`${name} is ${state}${word === '' ? '' : `: ${word}`}`, { required: name });
      }
      case '#':
      case '%': {
        if (isNullUnset) break;
        const word = this.#readTo('}', pattern);
        const most = word.startsWith(modifier);
        const side = modifier === '#' ? 'start' : 'end';
        return trimmed(this.#bare(name), most ? word.slice(1) : word, side, most);
      }
      case '/': {
        if (isNullUnset) break;
        const all = this.#next === '/';
        if (all) this.#at += 1;
        const what = this.#readTo('/', pattern);
        return replaced(this.#bare(name), what, this.#readTo('}', replacement), all);
      }
      case undefined:
      default:
    }
    throw new WordError(`unsupported modifier ${isNullUnset ? ':' : ''}${modifier ?? ''}`);
  }

  #value(name: string, written: string): string {
    if (this.#options.isRaw === true && this.#options.lookup(name) === undefined) return written;
    return this.#bare(name);
  }

  /** The value of a variable that must be set, or is taken as empty. */
  #bare(name: string): string {
    const value = this.#options.lookup(name);
    if (value === undefined) this.#unset.add(name);
    return value ?? '';
  }

  #name(): string {
    const rest = this.#chars.slice(this.#at, this.#at + 256).join('');
    const [name = ''] = /^(?:\p{Nd}+|[@*#?$!-]|[\p{L}_][\p{L}\p{Nd}_]*)/u.exec(rest) ?? [];
    this.#at += Array.from(name).length;
    return name;
  }
}

/** Splits text at white space. */
class Splitter {
  readonly #words: string[] = [];
  #word = '';

  add(text: string): void {
    for (const char of text) {
      if (!/\s/u.test(char)) this.#word += char;
      else this.#endWord();
    }
  }

  /** White space in it is part of the word. */
  addWhole(text: string): void {
    this.#word += text;
  }

  end(): readonly string[] {
    this.#endWord();
    return this.#words;
  }

  #endWord(): void {
    if (this.#word !== '') this.#words.push(this.#word);
    this.#word = '';
  }
}
