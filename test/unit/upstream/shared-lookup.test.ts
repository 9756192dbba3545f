import type { LookupFunction } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { sharedLookup } from '../../../src/upstream/shared-lookup.ts';

type Answer = Parameters<Parameters<LookupFunction>[2]>;

let asked: { readonly name: string; readonly answer: (...answer: Answer) => void }[];
let lookup: LookupFunction;

beforeEach(() => {
  asked = [];
  lookup = sharedLookup((name, _options, callback) => {
    asked.push({ name, answer: (...answer) => callback(...answer) });
  });
});

/** What each of the lookups of a name is answered, in the order in which they were begun. */
function find(name: string, family?: 4 | 6): Answer[] {
  const answers: Answer[] = [];
  lookup(name, { all: true, ...(family === undefined ? {} : { family }) }, (...answer) => {
    answers.push(answer);
  });
  return answers;
}

const found: Answer = [null, [{ address: '192.0.2.1', family: 4 }]];

describe('a lookup that is under way', () => {
  it('answers all who ask for the same name meanwhile, each once', () => {
    const answers = [find('registry.example'), find('registry.example'), find('registry.example')];
    expect(asked).toHaveLength(1);
    asked[0]?.answer(...found);
    expect(answers).toEqual([[found], [found], [found]]);
  });

  it('fails for all of them', () => {
    const answers = [find('registry.example'), find('registry.example')];
    const error = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    asked[0]?.answer(error, []);
    expect(answers).toEqual([[[error, []]], [[error, []]]]);
  });

  it('is no answer for another name, another family, or later', () => {
    find('registry.example');
    find('token.example');
    find('registry.example', 6);
    asked[0]?.answer(...found);
    find('registry.example');
    expect(asked.map(({ name }) => name)).toEqual([
      'registry.example',
      'token.example',
      'registry.example',
      'registry.example',
    ]);
  });
});
