/** Why a variable has no value, or a template none. */
export interface VariableProblem {
  /** A clause: `TAG is not set`. */
  readonly problem: string;
  /** The variable that would help. */
  readonly variable?: string | undefined;
}

/** The value of a variable; undefined if it is not set. */
export type Lookup = (name: string) => string | VariableProblem | undefined;

/** A template with its variables filled in. */
export interface Substituted {
  readonly text: string;
  /** Variables that are not set and have no default: nothing stands in their place. */
  readonly unset: readonly string[];
}

/** Deeper than any default within a default, and far from the end of the stack. */
const maxDepth = 50;

/** What a `$` may begin; any other is a plain character. */
const start = /\$(?:(\$)|([_a-z][_a-z0-9]*)|(\{))/giu;

const braced = /^([_a-z][_a-z0-9]*)(?:(:?[-+?])([^\n]*))?$/iu;

/**
 * Fills variables into a text of a Compose file: `$X`, `${X}`, `${X:-default}`, `${X-default}`,
 * `${X:?message}`,
 * `${X?message}`, `${X:+text}`, `${X+text}`, one within another; `$$` is a dollar sign.
 * @see https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
 */
export function substitute(template: string, lookup: Lookup): Substituted | VariableProblem {
  if (!template.includes('$')) return { text: template, unset: [] };
  const unset = new Set<string>();
  const text = new Substitution(lookup, unset).run(template, 0);
  return typeof text === 'string' ? { text, unset: [...unset] } : text;
}

class Substitution {
  readonly #lookup: Lookup;
  readonly #unset: Set<string>;

  constructor(lookup: Lookup, unset: Set<string>) {
    this.#lookup = lookup;
    this.#unset = unset;
  }

  run(template: string, depth: number): string | VariableProblem {
    if (depth > maxDepth) return { problem: 'its defaults are nested too deeply' };
    let text = '';
    let at = 0;
    const pattern = new RegExp(start);
    for (let match = pattern.exec(template); match !== null; match = pattern.exec(template)) {
      const [all, dollar, name, brace] = match;
      text += template.slice(at, match.index);
      at = match.index + all.length;
      let value: string | VariableProblem = dollar ?? '';
      if (name !== undefined) value = this.#plain(name);
      if (brace !== undefined) {
        const end = closingBrace(template, at);
        value = end < 0 ? malformed : this.#braced(template.slice(at, end), depth);
        at = end + 1;
      }
      if (typeof value !== 'string') return value;
      text += value;
      pattern.lastIndex = at;
    }
    return text + template.slice(at);
  }

  #plain(name: string): string | VariableProblem {
    const value = this.#lookup(name);
    if (value === undefined) this.#unset.add(name);
    return value ?? '';
  }

  #braced(expression: string, depth: number): string | VariableProblem {
    const [, name, operator, operand = ''] = braced.exec(expression) ?? [];
    if (name === undefined) return malformed;
    if (operator === undefined) return this.#plain(name);
    const value = this.#lookup(name);
    if (typeof value === 'object') return value;
    const isThere = value !== undefined && !(operator.startsWith(':') && value === '');
    if (operator.endsWith('+')) return isThere ? this.run(operand, depth + 1) : '';
    if (isThere) return value;
    if (operator.endsWith('-')) return this.run(operand, depth + 1);
    return { problem: required(name, value, operand), variable: name };
  }
}

const malformed: VariableProblem = {
  problem: 'a "${" in it begins no variable: it takes ${NAME}, or $$ for a dollar sign',
};

/** The file's own message is told as it stands: values of other variables may be secrets. */
function required(name: string, value: string | undefined, message: string): string {
  const state = `${name} is required and ${value === undefined ? 'not set' : 'empty'}`;
  return message === '' ? state : `${state}: ${message}`;
}

/** The brace that ends what a brace before `from` began; -1 if none does on its line. */
function closingBrace(template: string, from: number): number {
  const newline = template.indexOf('\n', from);
  const end = newline < 0 ? template.length : newline;
  let open = 1;
  for (let at = from; at < end; at += 1) {
    if (template[at] === '{') open += 1;
    if (template[at] === '}') open -= 1;
    if (open === 0) return at;
  }
  // An opening brace in a default that has no closing one: the last one of the line is meant.
  const last = template.lastIndexOf('}', end - 1);
  return last < from ? -1 : last;
}
