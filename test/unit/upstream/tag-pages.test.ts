import { describe, expect, it } from 'vitest';
import { nextPage, TagPages } from '../../../src/upstream/tag-pages.ts';
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

describe('TagPages', () => {
  it("keeps the upstream's order and drops doubles and what is no tag", () => {
    const pages = new TagPages();
    pages.add(Buffer.from('{"name":"a","tags":["b","a","../c","",".d"]}'), 'h');
    pages.add(Buffer.from('{"tags":["a","e"]}'), 'h');
    expect(pages.tags).toEqual(['b', 'a', 'e']);
  });

  it('takes null for a repository without tags', () => {
    const pages = new TagPages();
    pages.add(Buffer.from('{"name":"a","tags":null}'), 'h');
    expect(pages.tags).toEqual([]);
  });

  it.each(['<html>', '[]', '{"tags":"a"}', '{"tags":[1]}'])('refuses %s', (body) => {
    expect(() => new TagPages().add(Buffer.from(body), 'h')).toThrow(
      expect.objectContaining({ kind: 'invalid' }),
    );
  });

  it('is full after 100,000 tags', () => {
    const pages = new TagPages();
    const tags = Array.from({ length: 100_001 }, (_, index) => `t${index}`);
    pages.add(Buffer.from(JSON.stringify({ tags })), 'h');
    expect(pages.tags).toHaveLength(100_000);
    expect(pages.full).toBe(true);
  });

  it('is full after 200 pages', () => {
    const pages = new TagPages();
    for (let index = 0; index < 200; index += 1) {
      expect(pages.full).toBe(false);
      pages.add(Buffer.from('{"tags":[]}'), 'h');
    }
    expect(pages.full).toBe(true);
  });
});
