import { data, Evaluator, Lexer, Parser } from '@actions/expressions';
import type { YamlNode } from '../yaml/yaml-node.ts';

export type Value = data.ExpressionData;

/** What expressions are evaluated with: `matrix`, `inputs` and so on. */
export type Contexts = ReadonlyMap<string, data.Dictionary>;

/** An expression needs what only a run of the workflow knows, or what is not given. */
export class UnknownValue extends Error {
  override readonly name = 'UnknownValue';
  /** As it stands in expressions: `vars.TAG`. */
  readonly path: string;
  /** The variable to give it by. */
  readonly variable: string | undefined;

  constructor(path: string, variable?: string) {
    super(`${path} has no value`);
    this.path = path;
    this.variable = variable;
  }
}

/** A context whose members are looked up when they are needed. */
export class LookupContext extends data.Dictionary {
  readonly #lookup: (key: string) => Value;

  /** @param lookup may throw {@link UnknownValue} */
  constructor(lookup: (key: string) => Value) {
    super();
    this.#lookup = lookup;
  }

  override get(key: string): Value {
    return this.#lookup(key);
  }
}

const contextNames = [
  'github',
  'env',
  'vars',
  'job',
  'jobs',
  'steps',
  'runner',
  'secrets',
  'strategy',
  'matrix',
  'needs',
  'inputs',
];

/** An expression, in which strings may have a brace or two of their own. */
const expression = /\$\{\{((?:'[^']*'|[^'}]|\}(?!\}))*)\}\}/gu;

/**
 * A text with its expressions evaluated; the value itself where the text is one expression and nothing else.
 * @throws {UnknownValue} also for an expression that is none
 */
export function evaluate(text: string, contexts: Contexts): Value {
  const [whole, inner = ''] = new RegExp(`^\\s*${expression.source}\\s*$`, 'u').exec(text) ?? [];
  if (whole !== undefined) return evaluateExpression(inner, contexts);
  const filled = text.replace(expression, (_, part: string) =>
    evaluateExpression(part, contexts).coerceString(),
  );
  return new data.StringData(filled);
}

function evaluateExpression(text: string, contexts: Contexts): Value {
  try {
    const { tokens } = new Lexer(text).lex();
    const parsed = new Parser(tokens, contextNames, []).parse();
    const all = contextNames.map((key) => ({ key, value: contexts.get(key) ?? unknownContext(key) }));
    return new Evaluator(parsed, new data.Dictionary(...all)).evaluate();
  } catch (error) {
    throw unknownWithin(error);
  }
}

/** The evaluator's own errors may have ours within them; those for what is no expression are of no common type. */
function unknownWithin(error: unknown): UnknownValue {
  if (error instanceof UnknownValue) return error;
  if (error instanceof Error && error.cause !== undefined) return unknownWithin(error.cause);
  return new UnknownValue('an expression that cannot be read');
}

function unknownContext(name: string): data.Dictionary {
  return new LookupContext((key) => {
    throw new UnknownValue(`${name}.${key}`);
  });
}

/** Why an expression has no value; anything else that was thrown is thrown again. */
export function unknownValue(error: unknown): UnknownValue {
  if (error instanceof UnknownValue) return error;
  throw error;
}

/** A node of a workflow as expressions see it, with the expressions in it evaluated. */
export function valueOf(node: YamlNode | undefined, contexts: Contexts): Value {
  if (node === undefined || node.value === null) return new data.Null();
  if (node.isSequence) {
    const list = new data.Array();
    for (const item of node.items) list.add(valueOf(item, contexts));
    return list;
  }
  if (node.isMapping) {
    const dictionary = new data.Dictionary();
    for (const [key, value] of node.entries) dictionary.add(key, valueOf(value, contexts));
    return dictionary;
  }
  const text = node.text ?? '';
  return node.origin.isPlain === true ? plainValue(text, contexts) : evaluate(text, contexts);
}

function plainValue(text: string, contexts: Contexts): Value {
  if (/^(?:true|True|TRUE)$/u.test(text)) return new data.BooleanData(true);
  if (/^(?:false|False|FALSE)$/u.test(text)) return new data.BooleanData(false);
  if (/^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/u.test(text)) return new data.NumberData(Number(text));
  return evaluate(text, contexts);
}
