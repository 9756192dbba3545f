import { describe, expect, it } from 'vitest';
import { nextPage } from '../../../src/upstream/next-page.ts';
import { scriptedResponse } from './scripted-sender.ts';

const page = new URL('https://registry.example.com/v2/a/b/tags/list?n=2');

function next(link: string): string | undefined {
  return nextPage(scriptedResponse({ status: 200, headers: { link } }, page), page)?.href;
}

describe('nextPage', () => {
  it.each([
    ['</v2/a/b/tags/list?n=2&last=x>; rel="next"', '?n=2&last=x'],
    ['<https://registry.example.com/v2/a/b/tags/list?last=x>;rel=next', '?last=x'],
    ['<list?last=x>; title="a"; rel="next"', '?last=x'],
    ['</v2/a/b/tags/list?p=0>; rel="prev", </v2/a/b/tags/list?p=2>; rel="next"', '?p=2'],
  ])('follows %s', (link, query) => {
    expect(next(link)).toBe(`https://registry.example.com/v2/a/b/tags/list${query}`);
  });

  it.each(['', '</v2/a/b/tags/list?p=0>; rel="prev"', 'nonsense', '</v2/a/b/tags/list?n=2>; rel="next"'])(
    'ends at %j',
    (link) => {
      expect(next(link)).toBeUndefined();
    },
  );

  it.each([
    'https://evil.example.com/v2/a/b/tags/list',
    'http://registry.example.com/v2/a/b/tags/list',
    'https://registry.example.com:444/v2/a/b/tags/list',
    '/v2/other/tags/list',
    '/v2/a/b/tags/list/../../../../admin',
  ])('refuses to go to %s', (target) => {
    expect(() => next(`<${target}?last=x>; rel="next"`)).toThrow(
      expect.objectContaining({ kind: 'invalid' }),
    );
  });
});
