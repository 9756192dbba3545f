import type { Expression } from './expression.ts';
import { HclError } from './hcl-error.ts';
import { readHeredoc, readQuoted } from './parse-template.ts';
import type { Scanner } from './scanner.ts';

/** Operators by how tightly they bind, loosest first. */
const levels: readonly RegExp[] = [/\|\|/y, /&&/y, /==|!=/y, /[<>]=?/y, /[+-]/y, /[*/%]/y];

/** Expressions within one another; more would end the stack. */
const maxDepth = 200;

/** Operators, or parts of a name, in a row: each is an expression around those before it. */
const maxChain = 500;

/** How deep a scanner is in expressions. */
const depths = new WeakMap<Scanner, number>();

/**
 * Reads an expression.
 * @see https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md#expressions
 * @throws {HclError}
 */
export function readExpression(scanner: Scanner): Expression {
  const depth = depths.get(scanner) ?? 0;
  if (depth > maxDepth) throw scanner.error('too deeply nested');
  depths.set(scanner, depth + 1);
  const { line } = scanner;
  const condition = readBinary(scanner, 0);
  let expression = condition;
  if (scanner.takes('?')) {
    const yes = readExpression(scanner);
    scanner.expect(':');
    expression = { type: 'conditional', line, condition, yes, no: readExpression(scanner) };
  }
  depths.set(scanner, depth);
  return expression;
}

function readBinary(scanner: Scanner, level: number): Expression {
  const operators = levels[level];
  if (operators === undefined) return readUnary(scanner);
  const { line } = scanner;
  let left = readBinary(scanner, level + 1);
  for (let count = 0; ; count += 1) {
    if (count > maxChain) throw scanner.error('too many operators in a row');
    const operator = scanner.match(operators);
    if (operator === undefined) return left;
    left = { type: 'binary', line, operator, left, right: readBinary(scanner, level + 1) };
  }
}

function readUnary(scanner: Scanner): Expression {
  const { line } = scanner;
  const operators: string[] = [];
  for (let next = scanner.match(/[!-]/y); next !== undefined; next = scanner.match(/[!-]/y)) {
    operators.push(next);
    if (operators.length > maxChain) throw scanner.error('too many operators in a row');
  }
  const of = readPostfix(scanner);
  return operators.reduceRight<Expression>(
    (inner, operator) => ({ type: 'unary', line, operator, of: inner }),
    of,
  );
}

function readPostfix(scanner: Scanner): Expression {
  let expression = readPrimary(scanner);
  for (let count = 0; ; count += 1) {
    if (count > maxChain) throw scanner.error('too many parts in a row');
    const { line } = scanner;
    if (scanner.takes('[*]') || scanner.takes('.*')) {
      const keys: Expression[] = [];
      for (let key = readKey(scanner); key !== undefined; key = readKey(scanner)) keys.push(key);
      expression = { type: 'splat', line, of: expression, keys };
      continue;
    }
    const key = readKey(scanner);
    if (key === undefined) return expression;
    expression = { type: 'index', line, of: expression, key };
  }
}

/** `.name`, `.0` or `[expression]`. */
function readKey(scanner: Scanner): Expression | undefined {
  const { line } = scanner;
  const dotted = scanner.match(/\.(?=[\p{L}\p{N}_])/uy);
  if (dotted !== undefined) {
    const name = scanner.identifier();
    if (name !== undefined) return { type: 'literal', line, value: name };
    return { type: 'literal', line, value: Number(scanner.match(/\d+/y)) };
  }
  if (!scanner.takes('[')) return undefined;
  return scanner.within(true, () => {
    const key = readExpression(scanner);
    scanner.expect(']');
    return key;
  });
}

function readPrimary(scanner: Scanner): Expression {
  const { line } = scanner;
  if (scanner.takes('"')) return readQuoted(scanner, readExpression);
  if (scanner.takes('<<')) return readHeredoc(scanner, readExpression);
  if (scanner.takes('(')) {
    return scanner.within(true, () => {
      const inner = readExpression(scanner);
      scanner.expect(')');
      return inner;
    });
  }
  if (scanner.takes('[')) return scanner.within(true, () => readTuple(scanner, line));
  if (scanner.takes('{')) return scanner.within(true, () => readObject(scanner, line));
  const number = scanner.match(/\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
  if (number !== undefined) return { type: 'literal', line, value: Number(number) };
  const name = scanner.match(/[\p{L}_][\p{L}\p{N}_-]*(?:::[\p{L}_][\p{L}\p{N}_-]*)*/uy);
  if (name === undefined) throw scanner.error('an expression is missing, or not understood');
  if (name === 'true' || name === 'false') return { type: 'literal', line, value: name === 'true' };
  if (name === 'null') return { type: 'literal', line, value: null };
  if (!scanner.takes('(')) return { type: 'variable', line, name };
  return scanner.within(true, () => readCall(scanner, line, name));
}

function readCall(scanner: Scanner, line: number, name: string): Expression {
  const args: Expression[] = [];
  let isSpread = false;
  while (!scanner.takes(')')) {
    args.push(readExpression(scanner));
    isSpread = scanner.takes('...');
    if (!scanner.takes(',')) {
      scanner.expect(')');
      break;
    }
  }
  return { type: 'call', line, name, args, isSpread };
}

function readTuple(scanner: Scanner, line: number): Expression {
  if (scanner.match(/for(?=\s)/y) !== undefined) return readFor(scanner, line, ']');
  const items: Expression[] = [];
  while (!scanner.takes(']')) {
    items.push(readExpression(scanner));
    if (!scanner.takes(',')) {
      scanner.expect(']');
      break;
    }
  }
  return { type: 'tuple', line, items };
}

function readObject(scanner: Scanner, line: number): Expression {
  if (scanner.match(/for(?=\s)/y) !== undefined) return readFor(scanner, line, '}');
  const items: { key: Expression; value: Expression }[] = [];
  while (!scanner.takes('}')) {
    const { line: keyLine } = scanner;
    const name = scanner.identifier();
    const key: Expression =
      name === undefined ? readExpression(scanner) : { type: 'literal', line: keyLine, value: name };
    if (!scanner.takes('=') && !scanner.takes(':')) throw new HclError(keyLine, 'a key without = after it');
    // Here an item ends with its line.
    items.push({ key, value: scanner.within(false, () => readAfterLineEnds(scanner)) });
    scanner.takes(',');
  }
  return { type: 'object', line, items };
}

function readAfterLineEnds(scanner: Scanner): Expression {
  scanner.skipBlanks(true);
  return readExpression(scanner);
}

function readFor(scanner: Scanner, line: number, closing: string): Expression {
  const first = scanner.identifier();
  const second = scanner.takes(',') ? scanner.identifier() : undefined;
  const valueName = second ?? first;
  if (valueName === undefined || scanner.identifier() !== 'in') throw scanner.error('for takes NAME in LIST');
  const over = readExpression(scanner);
  scanner.expect(':');
  const head = readExpression(scanner);
  const isMap = scanner.takes('=>');
  const value = isMap ? readExpression(scanner) : head;
  const isGrouped = scanner.takes('...');
  const condition = scanner.match(/if(?=[\s(!])/y) === undefined ? undefined : readExpression(scanner);
  scanner.expect(closing);
  return {
    type: 'for',
    line,
    keyName: second === undefined ? undefined : first,
    valueName,
    over,
    key: isMap ? head : undefined,
    value,
    condition,
    isGrouped,
  };
}
