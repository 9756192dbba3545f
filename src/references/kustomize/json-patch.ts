import type { YamlNode } from '../yaml/yaml-node.ts';

/** A patch that does not fit what it is for. */
export class PatchError extends Error {
  override readonly name = 'PatchError';
}

/** Values that one operation may copy. */
const maxCopied = 10_000;

/**
 * A document with the operations of a JSON patch carried out.
 * @throws {PatchError}
 * @see https://www.rfc-editor.org/rfc/rfc6902
 */
export function applyJsonPatch(document: YamlNode, operations: readonly YamlNode[]): YamlNode {
  return operations.reduce(applyOperation, document);
}

function applyOperation(document: YamlNode, operation: YamlNode): YamlNode {
  const path = pointer(operation, 'path');
  const value = operation.at('value');
  const op = operation.textAt('op');
  if (op === 'remove') return change(document, path, 'remove', undefined);
  if (op === 'move') {
    const from = pointer(operation, 'from');
    return change(change(document, from, 'remove', undefined), path, 'add', valueAt(document, from));
  }
  if (op === 'copy')
    return change(document, path, 'add', small(valueAt(document, pointer(operation, 'from'))));
  // Whether a test passes is of no interest: a patch that fails makes no images.
  if (op === 'test') return document;
  if ((op !== 'add' && op !== 'replace') || value === undefined) {
    throw new PatchError(`has an operation that is none of JSON patches: ${op ?? 'without op'}`);
  }
  return change(document, path, op, value);
}

/** @see https://www.rfc-editor.org/rfc/rfc6901 */
function pointer(operation: YamlNode, key: string): readonly string[] {
  const text = operation.textAt(key);
  if (text?.startsWith('/') !== true) throw new PatchError(`has an operation without ${key}`);
  return text
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueAt(document: YamlNode, path: readonly string[]): YamlNode {
  const value = path.reduce<YamlNode | undefined>(
    (node, token) => (node?.isSequence === true ? node.items[indexOf(token, node)] : node?.at(token)),
    document,
  );
  if (value === undefined) throw absent(path);
  return value;
}

/** A few copies of copies would otherwise keep any reader busy for ever. */
function small(node: YamlNode): YamlNode {
  if (sizeUpTo(maxCopied, node) > maxCopied) throw new PatchError(`copies more than ${maxCopied} values`);
  return node;
}

function sizeUpTo(limit: number, node: YamlNode): number {
  let size = 1;
  for (const part of [...node.items, ...node.entries.values()]) {
    if (size > limit) break;
    size += sizeUpTo(limit - size, part);
  }
  return size;
}

function change(
  node: YamlNode,
  [token = '', ...rest]: readonly string[],
  how: 'add' | 'remove' | 'replace',
  value: YamlNode | undefined,
): YamlNode {
  if (rest.length > 0) {
    const part = change(valueAt(node, [token]), rest, how, value);
    if (!node.isSequence) return node.withEntry(token, part);
    return node.with(node.items.with(indexOf(token, node), part));
  }
  if (how !== 'add') valueAt(node, [token]);
  if (node.isMapping) return node.withEntry(token, value);
  if (!node.isSequence) throw absent([token]);
  const index = how === 'add' && token === '-' ? node.items.length : indexOf(token, node);
  return node.with(
    node.items.toSpliced(index, how === 'add' ? 0 : 1, ...(value === undefined ? [] : [value])),
  );
}

/** A negative index counts from the end, which the RFC does not have and kustomize does. */
function indexOf(token: string, { items }: YamlNode): number {
  if (!/^-?\d+$/u.test(token)) throw absent([token]);
  const index = Number(token) < 0 ? items.length + Number(token) : Number(token);
  if (index < 0 || index > items.length) throw absent([token]);
  return index;
}

function absent(path: readonly string[]): PatchError {
  return new PatchError(`has a path to what is not there: /${path.join('/')}`);
}
