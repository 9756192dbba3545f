import { describe, expect, it } from 'vitest';
import { TagPages } from '../../../src/upstream/tag-pages.ts';

describe('TagPages', () => {
  it("keeps the upstream's order and drops doubles and what is no tag", () => {
    const pages = new TagPages();
    pages.add(Buffer.from('{"name":"a","tags":["b","a","../c","",".d"]}'), 'h', {});
    pages.add(Buffer.from('{"tags":["a","e"]}'), 'h', {});
    expect(pages.tags).toEqual(['b', 'a', 'e']);
  });

  it('takes null for a repository without tags', () => {
    const pages = new TagPages();
    pages.add(Buffer.from('{"name":"a","tags":null}'), 'h', {});
    expect(pages.tags).toEqual([]);
  });

  // https://github.com/containers/skopeo/issues/2409
  it('passes over null among the tags', () => {
    const pages = new TagPages();
    pages.add(Buffer.from('{"tags":["a",null,"b"]}'), 'h', {});
    expect(pages.tags).toEqual(['a', 'b']);
  });

  it.each(['<html>', '[]', '{"tags":"a"}', '{"tags":[1]}'])('refuses %s', (body) => {
    expect(() => new TagPages().add(Buffer.from(body), 'h', {})).toThrow(
      expect.objectContaining({ kind: 'invalid' }),
    );
  });

  it('is full after 100,000 tags', () => {
    const pages = new TagPages();
    const tags = Array.from({ length: 100_001 }, (_, index) => `t${index}`);
    pages.add(Buffer.from(JSON.stringify({ tags })), 'h', {});
    expect(pages.tags).toHaveLength(100_000);
    expect(pages.full).toBe(true);
  });

  it('is full after 200 pages', () => {
    const pages = new TagPages();
    for (let index = 0; index < 200; index += 1) {
      expect(pages.full).toBe(false);
      pages.add(Buffer.from('{"tags":[]}'), 'h', {});
    }
    expect(pages.full).toBe(true);
  });
});
