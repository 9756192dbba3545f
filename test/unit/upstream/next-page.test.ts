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

  // https://www.rfc-editor.org/rfc/rfc8288#section-3
  it.each([
    ['</v2/a/b/tags/list?last=x>; rel="last next"', '?last=x'],
    ['</v2/a/b/tags/list?last=x>; REL=NEXT', '?last=x'],
    ['</v2/a/b/tags/list?last=x> ;\ttitle="a, b" ; rel = "next" , </>; rel="up"', '?last=x'],
    ['</v2/a/b/tags/list?last=x>; title="a>, <b"; rel=next', '?last=x'],
    ['</v2/a/b/tags/list?last=x>; title="\\", <y?last=z>; rel=\\"next"; rel=next', '?last=x'],
    ['</v2/a/b/tags/list?last=x>; rel=next; title="next"; type=text/html', '?last=x'],
    ['</v2/a/b/tags/list?last=x,y&n=2>; rel=next', '?last=x,y&n=2'],
    ['</v2/a/b/tags/list?last=x>; nofollow; rel=next', '?last=x'],
    ['</first>; rel="first", </v2/a/b/tags/list?last=x>;rel="next",', '?last=x'],
    ['</v2/a/b/tags/list?last=x>; rel=next; rel=prev', '?last=x'],
    // As distribution's client and skopeo read it: without brackets, or without a relation.
    ['/v2/a/b/tags/list?last=x; rel="next"', '?last=x'],
    ['</v2/a/b/tags/list?last=x>', '?last=x'],
  ])('reads %s', (link, query) => {
    expect(next(link)).toBe(`https://registry.example.com/v2/a/b/tags/list${query}`);
  });

  it.each([
    '</v2/a/b/tags/list?last=x>; rel=up; title="rel=nxt"',
    '</v2/a/b/tags/list?last=x>; rel=nextish',
    '</v2/a/b/tags/list?last=x>; rel=prev; rel=next',
    '</next>; rev="x"; rel="up"',
    '</a>, </b>',
  ])('takes %s for no link to a next page', (link) => {
    expect(next(link)).toBeUndefined();
  });

  it('is found in the second of two header lines', () => {
    const headers = { link: ['</>; rel="first"', '<list?last=x>; rel="next"'] };
    const response = { ...scriptedResponse({ status: 200 }, page), headers };
    expect(nextPage(response, page)?.search).toBe('?last=x');
  });

  it.each([
    'https://evil.example.com/v2/a/b/tags/list',
    'http://registry.example.com/v2/a/b/tags/list',
    'https://registry.example.com:444/v2/a/b/tags/list',
    'https://registry.example.com/proxied/v2/a/b/tags/list',
    'http://user:secret@10.0.0.1:5000/v2/a/b/tags/list',
    '/v2/other/tags/list',
    '/v2/a/b/tags/list/../../../../admin',
    '?',
  ])('asks the upstream itself for %s, by its query', (target) => {
    const link = `<${target.replace('?', '')}?last=x>; rel="next"`;
    expect(next(link)).toBe('https://registry.example.com/v2/a/b/tags/list?last=x');
  });

  it.each([
    '<https://evil.example.com/v2/a/b/tags/list?n=2>; rel="next"',
    '</v2/a/b/tags/page-2?n=2>; rel="next"',
    '<https://[>; rel="next"',
    '</v2/a/b/tags/list?last=x; rel="next"',
    'see "x"; rel="next"',
  ])('does not let a list look whole whose next page cannot be asked for: %s', (link) => {
    expect(() => next(link)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  it('ends at a page that was asked for before', () => {
    const response = scriptedResponse({ status: 200, headers: { link: '<list?last=x>; rel=next' } }, page);
    const asked = new Set([page.href, 'https://registry.example.com/v2/a/b/tags/list?last=x']);
    expect(nextPage(response, page, asked)).toBeUndefined();
  });
});
