import { describe, expect, it } from 'vitest';
import { isText, scalarText } from '../../../../src/references/yaml/scalar-type.ts';
import { YamlNode } from '../../../../src/references/yaml/yaml-node.ts';

function node(text: string, isPlain: boolean): YamlNode {
  return new YamlNode(text, { file: { path: 'x.yaml', folder: '.', text }, line: 1, isPlain });
}

describe('a scalar without quotes', () => {
  // As Docker Compose 5.6.0 passes them on as build arguments.
  it.each([
    ['0x1F', '31'],
    ['0o17', '15'],
    ['0b11', '3'],
    ['007', '7'],
    ['010', '8'],
    ['08', '8'],
    ['1_000', '1000'],
    ['+5', '5'],
    ['-0', '-0'],
    ['100000000000000000000', '1e+20'],
    ['1.0', '1'],
    ['1.', '1'],
    ['.5', '0.5'],
    ['1.10', '1.1'],
    ['1_0.5_0', '10.5'],
    ['-3.5', '-3.5'],
    ['1e3', '1000'],
    ['12e03', '12000'],
    ['123456789.5', '1.234567895e+08'],
    ['1e20', '1e+20'],
    ['1e-7', '1e-07'],
    ['true', 'true'],
    ['False', 'false'],
  ])('%s is %s where a text is wanted', (written, text) => {
    expect(scalarText(node(written, true))).toBe(text);
    expect(isText(node(written, true))).toBe(false);
  });

  it.each(['yes', 'no', '0x', '1.2.3', '20-alpine', 'v1', '1e', '--1', 'nullable'])(
    '%s is a text',
    (text) => {
      expect(scalarText(node(text, true))).toBe(text);
      expect(isText(node(text, true))).toBe(true);
    },
  );

  it('is read in no time, however long', () => {
    expect(scalarText(node('9'.repeat(1_000_000), true))).toBe('Infinity');
  });
});

it('a scalar in quotes is a text', () => {
  expect(scalarText(node('1.10', false))).toBe('1.10');
  expect(isText(node('1.10', false))).toBe(true);
});
