import { WordError } from './word-error.ts';

/** Characters of a pattern, or of what it is matched against; references are far shorter. */
const maxLength = 1024;

/** `*`, `?` or a character. */
type Token = { readonly any: 'one' | 'many' } | { readonly one: string };

/** Removes what a pattern matches at the start (`${value#pattern}`), or at the end (`${value%pattern}`). */
export function trimmed(value: string, pattern: string, side: 'start' | 'end', most: boolean): string {
  const tokens = tokensOf(pattern);
  const chars = charsOf(value);
  const isStart = side === 'start';
  const lengths = isStart ? matches(tokens, chars) : matches(tokens.toReversed(), chars.toReversed());
  const length = most ? lengths.at(-1) : lengths[0];
  if (length === undefined) return value;
  return (isStart ? chars.slice(length) : chars.slice(0, chars.length - length)).join('');
}

/**
 * Replaces the first match of a pattern, as long as can be, or every one: `${value/pattern/by}`,
 * `${value//pattern/by}`.
 */
export function replaced(value: string, pattern: string, by: string, all: boolean): string {
  const tokens = tokensOf(pattern);
  const chars = charsOf(value);
  let text = '';
  let at = 0;
  for (; at <= chars.length; at += 1) {
    const length = matches(tokens, chars.slice(at)).at(-1);
    if (length === undefined) {
      text += chars[at] ?? '';
    } else {
      text += by;
      if (!all) return text + chars.slice(at + length).join('');
      if (length === 0) text += chars[at] ?? '';
      else at += length - 1;
    }
  }
  return text;
}

function charsOf(text: string): readonly string[] {
  const chars = Array.from(text);
  if (chars.length > maxLength) throw new WordError(`more than ${maxLength} characters for a pattern`);
  return chars;
}

function tokensOf(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  const chars = charsOf(pattern);
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    if (char === '*') tokens.push({ any: 'many' });
    else if (char === '?') tokens.push({ any: 'one' });
    else if (char !== '\\') tokens.push({ one: char });
    else {
      at += 1;
      const escaped = chars[at] ?? '';
      if (!['*', '?', '\\', '}', '/'].includes(escaped))
        throw new WordError(`invalid escape \\${escaped} in a pattern`);
      tokens.push({ one: escaped });
    }
  }
  return tokens;
}

/**
 * How many of the first characters a pattern matches, shortest first: in time that grows with both lengths
 * only.
 */
function matches(tokens: readonly Token[], chars: readonly string[]): readonly number[] {
  const lengths: number[] = [];
  // Whether the first n tokens match all characters so far.
  let reached = afterStars(
    tokens,
    tokens
      .map(() => false)
      .concat(false)
      .with(0, true),
  );
  for (let length = 0; ; length += 1) {
    if (reached[tokens.length] === true) lengths.push(length);
    const char = chars[length];
    if (char === undefined || !reached.includes(true)) return lengths;
    const next = tokens.map(() => false).concat(false);
    for (const [n, token] of tokens.entries()) {
      if (reached[n] !== true) continue;
      if ('any' in token && token.any === 'many') next[n] = true;
      else if ('any' in token || token.one === char) next[n + 1] = true;
    }
    reached = afterStars(tokens, next);
  }
}

/** A star may match nothing. */
function afterStars(tokens: readonly Token[], reached: boolean[]): readonly boolean[] {
  for (const [n, token] of tokens.entries()) {
    if (reached[n] === true && 'any' in token && token.any === 'many') reached[n + 1] = true;
  }
  return reached;
}
