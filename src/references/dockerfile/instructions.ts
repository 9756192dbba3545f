import { parseJson } from '../../base/json.ts';
import { BadFile } from '../bad-file.ts';
import type { SourceFile } from '../source-file.ts';
import { readDirectives } from './directives.ts';
import { expandWord } from './shell-word.ts';
import { WordError } from './word-error.ts';

/** One instruction of a Dockerfile, its continued lines joined. */
export interface Instruction {
  /** Where it begins, from 1. */
  readonly line: number;
  /** In capitals: `FROM`. */
  readonly name: string;
  /** `--platform=linux/amd64`, without quotes. */
  readonly flags: readonly string[];
  /** What follows, as it stands. */
  readonly rest: string;
}

/** The instructions of a Dockerfile, and how they are written. */
export interface Instructions {
  readonly escape: string;
  readonly instructions: readonly Instruction[];
}

/** Bytes of a line; BuildKit reads no longer ones. */
const maxLineBytes = 65_535;

const heredocInstructions: ReadonlySet<string> = new Set(['ADD', 'COPY', 'RUN']);

/**
 * Reads a Dockerfile as BuildKit does, heredocs left out.
 * @throws {BadFile}
 */
export function readInstructions(file: SourceFile): Instructions {
  const lines = file.text.split('\n').map((line) => line.replace(/\r+$/u, ''));
  const bad = (line: number, message: string): BadFile => new BadFile({ file: file.path, line, message });
  const { escape, problem } = readDirectives(lines);
  if (problem !== undefined) throw bad(problem.line, problem.message);
  const tooLong = lines.findIndex(
    (line) => line.length * 3 > maxLineBytes && Buffer.byteLength(line) >= maxLineBytes,
  );
  if (tooLong >= 0) throw bad(tooLong + 1, `a line longer than ${maxLineBytes} bytes`);
  const joined = new LineJoiner(lines, escape);
  const instructions: Instruction[] = [];
  for (let next = joined.next(); next !== undefined; next = joined.next()) {
    const instruction = parseInstruction(next.text, next.line, escape);
    instructions.push(instruction);
    for (const heredoc of heredocsOf(instruction, next.text, escape)) {
      if (!joined.skipHeredoc(heredoc)) throw bad(next.line, `the heredoc ${heredoc.mark} has no end`);
    }
  }
  return { escape, instructions };
}

/** Puts lines together that are continued. */
class LineJoiner {
  readonly #lines: readonly string[];
  readonly #continued: RegExp;
  #at = 0;

  constructor(lines: readonly string[], escape: string) {
    this.#lines = lines;
    // An escape before it makes it an ordinary character.
    this.#continued = escape === '`' ? /(?:^|[^`])(`[ \t]*)$/u : /(?:^|[^\\])(\\[ \t]*)$/u;
  }

  /** The next line that is neither blank nor a comment, with what continues it. */
  next(): { readonly text: string; readonly line: number } | undefined {
    while (this.#at < this.#lines.length) {
      const line = this.#at + 1;
      const first = this.#take();
      if (isComment(first)) continue;
      let { text, isContinued } = this.#withoutMark(first.trimStart());
      if (text === '' && !isContinued) continue;
      while (isContinued && this.#at < this.#lines.length) {
        const more = this.#take();
        if (isComment(more) || more.trim() === '') continue;
        const next = this.#withoutMark(more);
        text += next.text;
        isContinued = next.isContinued;
      }
      return { text, line };
    }
    return undefined;
  }

  /** Passes over a heredoc; false if its end is not there. */
  skipHeredoc({ mark, isIndented }: Heredoc): boolean {
    while (this.#at < this.#lines.length) {
      const text = this.#take();
      if ((isIndented ? text.replace(/^\t+/u, '') : text) === mark) return true;
    }
    return false;
  }

  #take(): string {
    this.#at += 1;
    return this.#lines[this.#at - 1] ?? '';
  }

  #withoutMark(text: string): { text: string; isContinued: boolean } {
    const [, mark] = this.#continued.exec(text) ?? [];
    if (mark === undefined) return { text, isContinued: false };
    return { text: text.slice(0, text.length - mark.length), isContinued: true };
  }
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('#');
}

/** The instruction on a line. */
export function parseInstruction(text: string, line: number, escape: string): Instruction {
  const [, name = '', more = ''] = /^(\S+)(?:[\t\v\f\r ]+(.*))?$/su.exec(text.trim()) ?? [];
  const { flags, end } = flagsOf(more, escape);
  return { line, name: name.toUpperCase(), flags, rest: more.slice(end).trim() };
}

/** The words with `--` at the start, and where what follows them begins. */
function flagsOf(text: string, escape: string): { readonly flags: readonly string[]; readonly end: number } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    at += /^\s*/u.exec(text.slice(at))?.[0].length ?? 0;
    if (!text.startsWith('--', at)) return { flags, end: at };
    let flag = '';
    let quote = '';
    for (; at < text.length && (quote !== '' || !/\s/u.test(text.charAt(at))); at += 1) {
      const char = text.charAt(at);
      if (char === quote) quote = '';
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char !== escape) flag += char;
      else {
        at += 1;
        flag += text.charAt(at);
      }
    }
    if (flag === '--') return { flags, end: at };
    flags.push(flag);
  }
}

interface Heredoc {
  readonly mark: string;
  /** `<<-`: tabs before its end do not count. */
  readonly isIndented: boolean;
}

/** The heredocs that an instruction announces, in order. */
function heredocsOf(instruction: Instruction, text: string, escape: string): readonly Heredoc[] {
  if (!text.includes('<<')) return [];
  const inner =
    instruction.name === 'ONBUILD'
      ? parseInstruction(instruction.rest, instruction.line, escape)
      : instruction;
  if (!heredocInstructions.has(inner.name) || isJsonArray(inner.rest)) return [];
  return rawWords(text).flatMap((word) => {
    const [, dash, written = ''] = /^\d*<<(-?)\s*([^<]*)$/su.exec(word) ?? [];
    if (written === '') return [];
    const [mark, ...more] = expandWord(written, { escape: '\\', lookup: (name) => `$${name}` }).words;
    return mark === undefined || more.length > 0 ? [] : [{ mark, isIndented: dash === '-' }];
  });
}

/** The words of a line as they are written; none where a quote stays open or a brace. */
function rawWords(text: string): readonly string[] {
  try {
    return expandWord(text, { escape: '\\', lookup: () => undefined, isRaw: true }).words;
  } catch (error) {
    if (error instanceof WordError) return [];
    throw error;
  }
}

function isJsonArray(text: string): boolean {
  if (!text.startsWith('[')) return false;
  const json = parseJson(text);
  return Array.isArray(json) && json.every((item) => typeof item === 'string');
}
