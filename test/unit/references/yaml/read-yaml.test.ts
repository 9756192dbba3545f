import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, stringify } from 'yaml';
import { BadFile } from '../../../../src/references/bad-file.ts';
import { readOneYaml, readYaml } from '../../../../src/references/yaml/read-yaml.ts';
import type { YamlNode } from '../../../../src/references/yaml/yaml-node.ts';
import { yamlParts } from '../../../../src/references/yaml/yaml-parts.ts';
import { repeats } from '../../../support/depth.ts';

function read(text: string): YamlNode | undefined {
  return readOneYaml({ path: 'a.yaml', folder: '.', text });
}

/** A node as one line: scalars with their lines. */
function show(node: YamlNode | undefined): unknown {
  if (node === undefined) return undefined;
  if (node.isSequence) return node.items.map(show);
  if (node.isMapping) return Object.fromEntries([...node.entries].map(([key, value]) => [key, show(value)]));
  return `${node.text ?? '~'}@${node.line}`;
}

describe('YAML', () => {
  it.each([
    ['a mapping', 'a: 1\nb:\n  - x\n  - "y"\n', { a: '1@1', b: ['x@3', 'y@4'] }],
    ['JSON', '{"a": [1,\n\t{"b": null}]}', { a: ['1@1', { b: '~@2' }] }],
    ['nulls, written or not', 'a:\nb: ~\nc: ""\nd: {e}', { a: '~@1', b: '~@2', c: '@3', d: { e: '~@4' } }],
    ['blocks of text', 'a: |\n  b\n\n  c\nd: >-\n  e\n  f\ng: h', { a: 'b\n\nc\n@2', d: 'e f@6', g: 'h@8' }],
    ['aliases, where their anchor stands', 'a: &x\n  b: c\nd: *x', { a: { b: 'c@2' }, d: { b: 'c@2' } }],
    [
      'merged mappings',
      'a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3',
      { a: { b: '1@1', c: '2@1' }, d: { c: '3@4', b: '1@1' } },
    ],
    ['several merged, the first wins', 'd:\n  <<: [{b: 1}, {b: 2, c: 3}]', { d: { b: '1@2', c: '3@2' } }],
    ['a quoted << as a key', 'd:\n  "<<": 1', { d: { '<<': '1@2' } }],
    ['a key that stands twice', 'a: 1\na: 2', { a: '2@2' }],
    ['keys that are no texts', '1: a\nnull: b\n? [x]\n: c', { 1: 'a@1', null: 'b@2', '': 'c@4' }],
    ['a template that is not rendered', 'a: {{ .Values.x }}\nb: c', { a: '{{ .Values.x }}@1', b: 'c@2' }],
    [
      'a key of every object',
      '__proto__: 1\nconstructor: 2',
      expect.objectContaining({ constructor: '2@2' }),
    ],
  ])('is read with its lines: %s', (_what, text, expected) => {
    expect(show(read(text))).toEqual(expected);
  });

  it('keeps tags, and whether a text may be a number', () => {
    const node = read('a: !reference [x]\nb: 1.10\nc: "1"');
    expect(node?.at('a')?.origin.tag).toBe('!reference');
    expect(node?.at('b')?.origin.isPlain).toBe(true);
    expect(node?.at('c')?.origin.isPlain).toBe(false);
  });

  it.each([
    [
      'indented with tabs',
      'a:\n\tb: c',
      2,
      'is not valid YAML: tab characters must not be used in indentation',
    ],
    ['cut', 'a: "b', 1, 'is not valid YAML: unexpected end of the stream within a double quoted scalar'],
    [
      'an alias to nothing',
      'a: b\nc: *x',
      2,
      'is not valid YAML: no anchor &x before its alias, or around it',
    ],
    [
      'an alias within itself',
      'a: &x [*x]',
      1,
      'is not valid YAML: no anchor &x before its alias, or around it',
    ],
    ['nested too deeply', '['.repeat(1e5), 1, 'is not valid YAML: nesting exceeded maxDepth (200)'],
    ['two documents', 'a: 1\n---\nb: 2', 3, 'has a second YAML document here: one is expected'],
  ])('that is %s is told with its line', (_what, text, line, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ file: 'a.yaml', line, message }));
  });

  it('with aliases of aliases is read without making copies, up to a size that is refused', () => {
    const levels = (count: number): string =>
      Array.from({ length: count }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`).join('');
    const node = read(`a0: &a0 [x]\n${levels(15)}`);
    expect(node?.itemsAt('a15')[0]).toBe(node?.itemsAt('a15')[1]);
    expect(() => read(`a0: &a0 [x]\n${levels(100)}`)).toThrow(
      expect.objectContaining({
        line: 20,
        message: 'has more than 4000000 values in it, once its aliases are followed',
      }),
    );
  });

  it('of any values is what another parser reads, line by line', () => {
    const key = fc.stringMatching(/^[a-z]{1,4}$/u);
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, fc.string(), fc.integer(), fc.constant(null), tie('list'), tie('map')),
      list: fc.array(tie('value'), { maxLength: 4 }),
      map: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    }));
    fc.assert(
      fc.property(value, fc.boolean(), (written, isJson) => {
        const text = isJson ? JSON.stringify(written, undefined, 1) : stringify(written);
        const documents = readYaml({ path: 'a.yaml', folder: '.', text });
        expect(documents.map(show)).toEqual(written === null ? [] : [byOtherParser(text)]);
      }),
      { numRuns: repeats(200, 5000) },
    );
  });

  it('of any text is read or refused', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab:-?[]{},#&*!|>\'"%@ \n\t\\0{}'.split('')) });
    fc.assert(
      fc.property(text, (any) => {
        try {
          read(any);
        } catch (error) {
          expect(error).toBeInstanceOf(BadFile);
        }
      }),
      { numRuns: repeats(500, 20_000) },
    );
  });
});

/** As {@link show}, by the `yaml` package. */
function byOtherParser(text: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, schema: 'failsafe' });
  const showNode = (node: unknown): unknown => {
    if (isSeq(node)) return node.items.map(showNode);
    if (isMap(node))
      return Object.fromEntries(node.items.map((pair) => [String(pair.key), showNode(pair.value)]));
    if (!isScalar(node)) return undefined;
    const start = lines.linePos(node.range?.[0] ?? 0).line;
    const isNull = node.type === 'PLAIN' && (node.source === 'null' || node.source === '');
    // It has a block of text begin at its | or >.
    const line = node.type?.startsWith('BLOCK_') === true ? start + 1 : start;
    return `${isNull ? '~' : String(node.value)}@${line}`;
  };
  return showNode(document.contents);
}

describe('a stream of YAML documents is divided', () => {
  it.each([
    [
      'at its --- lines',
      'a\n---\nb\n--- c\n',
      [
        ['a\n', 1],
        ['---\nb\n', 2],
        ['--- c\n', 4],
      ],
    ],
    [
      'where each begins with one',
      '---\na\n---\nb',
      [
        ['---\na\n', 1],
        ['---\nb', 3],
      ],
    ],
    ['but not within a line', 'a: ---\nb: |\n  ---\n', [['a: ---\nb: |\n  ---\n', 1]]],
    [
      'as Windows writes it',
      'a\r\n---\r\nb',
      [
        ['a\r\n', 1],
        ['---\r\nb', 2],
      ],
    ],
    ['without empty ones and comments', '# x\n---\n---\n# Source: y\n\n---\na', [['---\na', 6]]],
    ['without directives', '%YAML 1.2\n---\na', [['---\na', 2]]],
    ['which may be empty', '', []],
  ])('%s', (_how, text, parts) => {
    expect(yamlParts(text).map((part) => [part.text, part.line])).toEqual(parts);
  });
});
