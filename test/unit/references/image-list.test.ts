import { describe, expect, it } from 'vitest';
import { FindFixture, imagesOf, remarksOf } from '../../support/find-fixture.ts';

describe('a plain list', () => {
  it('has an image a line, beside blank lines, comments and trailing spaces', async () => {
    const text =
      '\uFEFF# for the course\r\n\r\nnode:18   \r\n  redis  # the cache\r\n\t#postgres\r\nghcr.io/a/b:1\r\nnode:18';
    await using files = await FindFixture.of({ 'images.txt': text });
    const found = await files.find('images.txt');
    expect(imagesOf(found)).toEqual([
      'docker.io/library/node:18',
      'docker.io/library/redis:latest',
      'ghcr.io/a/b:1',
    ]);
    expect(found.images.map(({ line }) => line)).toEqual([3, 7, 4, 6]);
    expect(found.problems).toEqual([]);
  });

  it('has every typo named with its line, beside the images that are right', async () => {
    await using files = await FindFixture.of({ 'images.txt': 'node\nNode\n\nnode:18 19\nredis:\n' });
    const found = await files.find('images.txt');
    expect(imagesOf(found)).toEqual(['docker.io/library/node:latest']);
    expect(remarksOf(found.problems)).toEqual([
      'images.txt:2: "Node" has capital letters in its name: names of repositories are lower case',
      'images.txt:4: "node:18 19" has a malformed tag: letters, digits, ".", "_" and "-", at most 128',
      'images.txt:5: "redis:" has a malformed tag: letters, digits, ".", "_" and "-", at most 128',
    ]);
  });

  it('is known by its content where its name says nothing', async () => {
    await using files = await FindFixture.of({ lab: '# lab\nnode:18\n', note: 'Dear all,\nnode:18\n' });
    expect(imagesOf(await files.find('lab'))).toEqual(['docker.io/library/node:18']);
    const [problem] = (await files.find('note')).problems;
    expect(problem?.message).toMatch(
      /^neither its name nor its content tells what it is: give --kind, one of .*\blist\b/u,
    );
    const found = await files.find('note', { kind: 'list' });
    expect(remarksOf(found.problems)).toEqual(['note:1: "Dear all," is no image reference']);
  });

  it('names a huge line by its beginning', async () => {
    await using files = await FindFixture.of({ 'images.txt': `${'x/'.repeat(1e6)}\n` });
    const [problem] = (await files.find('images.txt')).problems;
    expect(problem?.message.length).toBeLessThan(300);
  });

  it('of nothing but typos has a hundred of them told', async () => {
    await using files = await FindFixture.of({ 'images.txt': 'X\n'.repeat(1_000_000) });
    const { problems } = await files.find('images.txt');
    expect(problems).toHaveLength(101);
    expect(remarksOf(problems).at(-1)).toBe(
      'images.txt:101: and what comes after it: too many problems to tell',
    );
  });

  it('without end is refused', async () => {
    await using files = await FindFixture.of({ 'images.txt': 'x\n'.repeat(100_001) });
    const { problems } = await files.find('images.txt');
    expect(remarksOf(problems)).toEqual(['images.txt: names images in more than 100000 places']);
  });
});
