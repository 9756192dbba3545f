import type { Attribute, Block, Body } from './expression.ts';
import { readExpression } from './parse-expression.ts';
import { readQuoted } from './parse-template.ts';
import { Scanner } from './scanner.ts';

/** Blocks within one another; more would end the stack. */
const maxDepth = 50;

/**
 * Reads a file of HCL.
 * @param firstLine the number of its first line
 * @see https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md#structural-elements
 * @throws {HclError}
 */
export function parseHcl(text: string, firstLine: number): Body {
  const scanner = new Scanner(text, firstLine);
  const body = readBody(scanner, 0);
  if (!scanner.isAtEnd) throw scanner.error('a } without its {');
  return body;
}

/** Reads up to a `}`, or the end. */
function readBody(scanner: Scanner, depth: number): Body {
  if (depth > maxDepth) throw scanner.error('too deeply nested');
  const attributes = new Map<string, Attribute>();
  const blocks: Block[] = [];
  for (;;) {
    scanner.skipBlanks(true);
    const { line } = scanner;
    const name = scanner.identifier();
    if (name === undefined) {
      if (scanner.at < scanner.text.length && scanner.text[scanner.at] !== '}')
        throw scanner.error('a name is missing');
      return { attributes, blocks };
    }
    if (scanner.takes('=')) {
      if (attributes.has(name)) throw scanner.error(`a second ${name}`);
      attributes.set(name, { line, expression: readExpression(scanner) });
    } else blocks.push(readBlock(scanner, { type: name, line }, depth));
    scanner.skipBlanks();
    const after = scanner.text[scanner.at];
    if (after !== undefined && after !== '\n' && after !== '}')
      throw scanner.error('more on the line than was expected');
  }
}

function readBlock(scanner: Scanner, { type, line }: Pick<Block, 'type' | 'line'>, depth: number): Block {
  const labels: string[] = [];
  while (!scanner.takes('{')) labels.push(readLabel(scanner));
  const body = readBody(scanner, depth + 1);
  scanner.expect('}');
  return { type, labels, line, body };
}

function readLabel(scanner: Scanner): string {
  const word = scanner.identifier();
  if (word !== undefined) return word;
  if (!scanner.takes('"')) throw scanner.error('= or { is missing');
  const label = readQuoted(scanner, readExpression);
  if (label.type === 'literal' && typeof label.value === 'string') return label.value;
  throw scanner.error('a name with something to evaluate in it');
}
