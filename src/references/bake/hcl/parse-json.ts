import { getNodeValue, parseTree, type Node, type ParseError } from 'jsonc-parser';
import type { Attribute, Block, Body, Expression } from './expression.ts';
import { HclError } from './hcl-error.ts';
import { readExpression } from './parse-expression.ts';
import { readWhole } from './parse-template.ts';
import { Scanner } from './scanner.ts';

/** How many names stand between the type of a block and its body. */
const labelsOf: Readonly<Record<string, number>> = { target: 1, group: 1, variable: 1, function: 1 };

/**
 * Reads HCL that is written as JSON.
 * @param firstLine the number of its first line
 * @see https://github.com/hashicorp/hcl/blob/main/json/spec.md
 * @throws {HclError}
 */
export function parseHclJson(text: string, firstLine: number): Body {
  const lines = new Lines(text, firstLine);
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: false, disallowComments: true });
  const [error] = errors;
  if (error !== undefined || root?.type !== 'object') {
    throw new HclError(lines.at(error?.offset ?? 0), 'not valid JSON');
  }
  return bodyOf(root, lines, labelsOf);
}

/** Line numbers of offsets. */
class Lines {
  readonly #starts: readonly number[];
  readonly #firstLine: number;

  constructor(text: string, firstLine: number) {
    this.#firstLine = firstLine;
    this.#starts = [0, ...[...text.matchAll(/\n/gu)].map(({ index }) => index + 1)];
  }

  at(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#starts[middle] ?? 0) > offset) high = middle;
      else low = middle;
    }
    return low + this.#firstLine;
  }
}

function bodyOf(object: Node, lines: Lines, blockTypes: Readonly<Record<string, number>>): Body {
  const attributes = new Map<string, Attribute>();
  const blocks: Block[] = [];
  for (const { name, value } of propertiesOf(object)) {
    const labels = blockTypes[name];
    if (labels !== undefined) blocks.push(...blocksOf(name, value, labels, lines));
    else if (name !== '//') {
      attributes.set(name, { line: lines.at(value.offset), expression: expressionOf(value, lines) });
    }
  }
  return { attributes, blocks };
}

/** A block's labels are keys of objects within one another; several of a name stand in a list. */
function blocksOf(type: string, value: Node, count: number, lines: Lines): readonly Block[] {
  const found: Block[] = [];
  const visit = (node: Node, labels: readonly string[]): void => {
    if (node.type === 'array') for (const item of node.children ?? []) visit(item, labels);
    else if (node.type !== 'object') throw new HclError(lines.at(node.offset), `${type} is no object`);
    else if (labels.length < count) {
      for (const property of propertiesOf(node)) visit(property.value, [...labels, property.name]);
    } else found.push({ type, labels, line: lines.at(node.offset), body: bodyOf(node, lines, {}) });
  };
  visit(value, []);
  return found;
}

function propertiesOf(object: Node): readonly { readonly name: string; readonly value: Node }[] {
  return (object.children ?? []).flatMap(({ children: [key, value] = [] }) =>
    key === undefined || value === undefined ? [] : [{ name: String(key.value), value }],
  );
}

function expressionOf(node: Node, lines: Lines): Expression {
  const line = lines.at(node.offset);
  switch (node.type) {
    case 'string':
      return templateOf(String(node.value), line);
    case 'array':
      return { type: 'tuple', line, items: (node.children ?? []).map((item) => expressionOf(item, lines)) };
    case 'object': {
      const items = propertiesOf(node).map(({ name, value }) => ({
        key: templateOf(name, line),
        value: expressionOf(value, lines),
      }));
      return { type: 'object', line, items };
    }
    case 'property':
    case 'number':
    case 'boolean':
    case 'null':
      return { type: 'literal', line, value: getNodeValue(node) as number | boolean | null };
  }
}

/** In JSON every string is a template. */
function templateOf(text: string, line: number): Expression {
  return readWhole(new Scanner(text, line), readExpression);
}
