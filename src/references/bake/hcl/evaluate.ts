import type { Expression, ForExpression } from './expression.ts';
import { functions, type HclFunction } from './functions.ts';
import { HclError } from './hcl-error.ts';
import {
  asBoolean,
  asList,
  asNumber,
  asText,
  isEqual,
  isList,
  isObjectValue,
  type HclValue,
} from './value.ts';

/** What names in an expression stand for. */
export interface Scope {
  /** @throws {HclError} for a variable that is unknown, or cannot be evaluated */
  variable(name: string, line: number): HclValue;
  /** A function that the file defines. */
  ownFunction(name: string): HclFunction | undefined;
  /**
   * Counts a step.
   * @throws {HclError} that there were too many
   */
  step(line: number): void;
}

/** Characters of a text; a few lines could have it grow without end. */
const maxText = 2 ** 20;

/** Items of a list. */
const maxItems = 10_000;

/**
 * The value of an expression.
 * @throws {HclError} for what has none, or is not known here
 */
export function evaluate(expression: Expression, scope: Scope): HclValue {
  const { line } = expression;
  scope.step(line);
  switch (expression.type) {
    case 'literal':
      return expression.value;
    case 'template': {
      const text = expression.parts.map((part) => asText(evaluate(part, scope), part.line)).join('');
      if (text.length > maxText) throw new HclError(line, 'a text that is too long');
      return text;
    }
    case 'tuple':
      return expression.items.map((item) => evaluate(item, scope));
    case 'object':
      return new Map(
        expression.items.map(({ key, value }) => [
          asText(evaluate(key, scope), key.line),
          evaluate(value, scope),
        ]),
      );
    case 'variable':
      return scope.variable(expression.name, line);
    case 'index':
      return partOf(evaluate(expression.of, scope), evaluate(expression.key, scope), line);
    case 'splat': {
      const value = evaluate(expression.of, scope);
      const keys = expression.keys.map((key) => evaluate(key, scope));
      const items = isList(value) ? value : value === null ? [] : [value];
      return items.map((item) => keys.reduce((part, key) => partOf(part, key, line), item));
    }
    case 'call':
      return call(expression, scope);
    case 'unary': {
      const value = evaluate(expression.of, scope);
      return expression.operator === '!' ? !asBoolean(value, line) : -asNumber(value, line);
    }
    case 'binary':
      return binary(expression, scope);
    case 'conditional':
      return asBoolean(evaluate(expression.condition, scope), line)
        ? evaluate(expression.yes, scope)
        : evaluate(expression.no, scope);
    case 'for':
      return loop(expression, scope);
  }
}

function partOf(value: HclValue, key: HclValue, line: number): HclValue {
  if (isList(value)) {
    const found = value[asNumber(key, line)];
    if (found === undefined) throw new HclError(line, `no item ${asText(key, line)}`);
    return found;
  }
  const name = asText(key, line);
  const found = isObjectValue(value) ? value.get(name) : undefined;
  if (found === undefined) throw new HclError(line, `nothing called ${name}`);
  return found;
}

function call(expression: Expression & { type: 'call' }, scope: Scope): HclValue {
  const { name, line, isSpread } = expression;
  const work = scope.ownFunction(name) ?? (Object.hasOwn(functions, name) ? functions[name] : undefined);
  if (work === undefined) throw new HclError(line, `the function ${name} is not known here`);
  const args = expression.args.map((arg) => evaluate(arg, scope));
  const spread = isSpread ? asList(args.pop() ?? null, line) : [];
  const value = work([...args, ...spread], line);
  const size =
    typeof value === 'string' ? value.length / maxText : isList(value) ? value.length / maxItems : 0;
  if (size > 1) throw new HclError(line, `too much from the function ${name}`);
  return value;
}

function binary(expression: Expression & { type: 'binary' }, scope: Scope): HclValue {
  const { operator, line } = expression;
  const left = evaluate(expression.left, scope);
  const right = evaluate(expression.right, scope);
  switch (operator) {
    case '==':
      return isEqual(left, right);
    case '!=':
      return !isEqual(left, right);
    case '&&':
      return asBoolean(left, line) && asBoolean(right, line);
    case '||':
      return asBoolean(left, line) || asBoolean(right, line);
    default:
      return arithmetic(operator, asNumber(left, line), asNumber(right, line), line);
  }
}

function arithmetic(operator: string, a: number, b: number, line: number): HclValue {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      if (b === 0) throw new HclError(line, 'a division by zero');
      return a / b;
    case '%':
      return a % b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    default:
      return a >= b;
  }
}

function loop(expression: ForExpression, scope: Scope): HclValue {
  const { line } = expression;
  const over = evaluate(expression.over, scope);
  const entries: readonly (readonly [HclValue, HclValue])[] = isObjectValue(over)
    ? [...over].sort(([a], [b]) => (a < b ? -1 : 1))
    : asList(over, line).map((item, index) => [index, item]);
  const list: HclValue[] = [];
  const object = new Map<string, HclValue>();
  for (const [key, value] of entries) {
    const names = new Map([[expression.valueName, value]]);
    if (expression.keyName !== undefined) names.set(expression.keyName, key);
    const inner: Scope = {
      variable: (name, at) => (names.has(name) ? (names.get(name) ?? null) : scope.variable(name, at)),
      ownFunction: (name) => scope.ownFunction(name),
      step: (at) => scope.step(at),
    };
    if (expression.condition !== undefined && !asBoolean(evaluate(expression.condition, inner), line))
      continue;
    const made = evaluate(expression.value, inner);
    if (expression.key === undefined) {
      list.push(made);
      continue;
    }
    const name = asText(evaluate(expression.key, inner), line);
    const before = object.get(name);
    object.set(
      name,
      expression.isGrouped ? [...(before === undefined ? [] : asList(before, line)), made] : made,
    );
  }
  return expression.key === undefined ? list : object;
}
