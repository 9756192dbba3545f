import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

const pages = globSync(['*.md', 'docs/**/*.md', '.github/**/*.md'], { cwd: root });

function textOf(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = textOf(page)
    .replaceAll(/^```[^]*?^```/gmu, '')
    .matchAll(/^#+ (.+)$/gmu);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

interface Link {
  readonly page: string;
  readonly target: string;
}

function linksOf(page: string): readonly Link[] {
  return [...textOf(page).matchAll(/\]\((?<target>[^)\s]+)\)/gu)]
    .map(({ groups }) => ({ page, target: groups?.['target'] ?? '' }))
    .filter(({ target }) => !/^(?:https?|mailto):/u.test(target));
}

/** Whether the file is there, and the heading, where the link names one of a page. */
function leadsSomewhere({ page, target }: Link): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, file))) return false;
  return anchor === undefined || !file.endsWith('.md') || anchorsOf(file).has(anchor);
}

describe('the links of the documentation', () => {
  const links = pages.flatMap(linksOf);

  it('are many', () => {
    expect(links.length).toBeGreaterThan(50);
  });

  it('lead to files and headings that exist', () => {
    expect(links.filter((link) => !leadsSomewhere(link))).toEqual([]);
  });
});
