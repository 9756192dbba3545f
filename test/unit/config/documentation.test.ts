import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { registry2Keys } from '../../../src/config/registry2.ts';
import { knownKeys } from '../../../src/config/schema.ts';

const text = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
const [own = '', ofRegistry2 = ''] = text.split("## registry:2's whole file");

/** Everything between backticks. */
const words = (part: string): ReadonlySet<string> =>
  new Set([...part.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(/[.{}, :]+/)));

describe('docs/configuration.md', () => {
  it("names every key of Entrepot's own", () => {
    const named = words(own);
    const keys = knownKeys.filter((key) => !registry2Keys.includes(key));

    expect(keys.filter((key) => !named.has(key.split('.').at(-1) ?? ''))).toEqual([]);
  });

  it("names every key of registry:2's, and what becomes of it", () => {
    const named = words(ofRegistry2);

    expect(registry2Keys.filter((key) => !named.has(key.split('.').at(-1) ?? ''))).toEqual([]);
  });
});
