import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeOldNode } from '../../../src/cli/node-version.ts';

test.each(['20.20.2', '22.19.0', '23.11.1'])('Node.js %s is too old, and told so', (version) => {
  expect(describeOldNode(version)).toContain(`and this is ${version}`);
});

test.each(['24.0.0', '24.21.0', '26.0.0'])('Node.js %s is new enough', (version) => {
  expect(describeOldNode(version)).toBeUndefined();
});

test('the oldest that will do is the one that package.json names', () => {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const [, least = ''] = /"node": ">=(\d+)"/.exec(manifest) ?? [];

  expect(describeOldNode(`${least}.0.0`)).toBeUndefined();
  expect(describeOldNode('1.0.0')).toContain(`Node.js ${least} or newer`);
});
