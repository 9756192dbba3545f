import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A path in backticks: a folder, which ends in a slash, or a TypeScript file. */
const path = /`(?<path>[\w.-]+(?:\/[\w.-]+)*(?:\/|\.ts))`/gu;

function pathsIn(text: string): readonly string[] {
  return [...text.matchAll(path)].map(({ groups }) => groups?.['path'] ?? '');
}

/** The folder of a path and its parents, below each of the known folders that has it. */
function foldersOf(named: string, known: readonly string[]): readonly string[] {
  const folders = named.split('/').slice(0, -1);
  return known
    .filter((base) => folders.length > 0 && existsSync(join(root, base, ...folders)))
    .flatMap((base) => folders.map((_, index) => join(base, ...folders.slice(0, index + 1))));
}

/**
 * The TypeScript files of a page that do not exist. A path is relative to the root, to `src/`, to `test/`,
 * or to a folder that the same section named before.
 */
function missing(page: string): readonly string[] {
  return readFileSync(join(root, page), 'utf8')
    .replaceAll(/^```[^]*?^```/gmu, '')
    .split(/^#+ /mu)
    .flatMap((section) => {
      const known = new Set(['.', 'src', 'test']);
      return pathsIn(section).filter((named) => {
        for (const folder of foldersOf(named, [...known])) known.add(folder);
        return named.endsWith('.ts') && ![...known].some((folder) => existsSync(join(root, folder, named)));
      });
    });
}

describe('the files that the documentation names', () => {
  const pages = globSync(['*.md', 'docs/**/*.md', '.github/**/*.md'], { cwd: root });

  it('are many', () => {
    const named = pages.flatMap((page) => pathsIn(readFileSync(join(root, page), 'utf8')));
    expect(named.length).toBeGreaterThan(200);
  });

  it.each(pages)('exist where %s says', (page) => {
    expect(missing(page)).toEqual([]);
  });
});
