import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface NamedTest {
  readonly line: number;
  /** Below `test/`. */
  readonly file: string;
  /** Titles, or parts of them, as the file has them; `…` stands for anything. */
  readonly titles: readonly string[];
}

const citation = /`((?:unit|contract|integration|fuzz|e2e|model|soak)\/[\w./-]+\.ts)`((?:,? "[^"]+")*)/gu;

const root = fileURLToPath(new URL('../../', import.meta.url));

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The tests that a line of a page names. */
function namedIn(text: string, line: number): readonly NamedTest[] {
  return [...text.matchAll(citation)].map(([, file = '', titles = '']) => ({
    line,
    file,
    titles: [...titles.matchAll(/"([^"]+)"/gu)].map(([, title = '']) => title),
  }));
}

function linesOf(page: string): readonly string[] {
  return read(page).split('\n');
}

/** Those of its titles that the file of a test does not have; reading it throws where there is none. */
function missing({ file, titles }: NamedTest): readonly string[] {
  const source = read(`test/${file}`);
  return titles.filter((title) => !title.split('…').every((part) => source.includes(part.trim())));
}

const cited = globSync('docs/**/*.md', { cwd: root })
  .map((page) => ({ page, named: linesOf(page).flatMap((text, index) => namedIn(text, index + 1)) }))
  .filter(({ named }) => named.length > 0);

it.each(['docs/reliability.md', 'docs/architecture.md'])('%s names tests', (page) => {
  expect(cited.find((each) => each.page === page)?.named.length).toBeGreaterThan(20);
});

describe.each(cited)('$page', ({ named }) => {
  it.each(named)('line $line: $file is there, with its titles', (test) => {
    expect(missing(test)).toEqual([]);
  });
});

describe('the table of faults', () => {
  const lines = linesOf('docs/reliability.md');
  const end = lines.indexOf('## When an upstream fails');
  const rows = lines.slice(0, end).filter((line) => /^\|(?! *(?:fault|-))/u.test(line));

  it('is there', () => {
    expect(rows.length).toBeGreaterThan(40);
  });

  it('names a test, and a title of it, for each fault', () => {
    const without = rows.filter((row) => !namedIn(row, 0).some(({ titles }) => titles.length > 0));

    expect(without).toEqual([]);
  });
});
