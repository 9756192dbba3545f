import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The folders of `src/` from the top to the bottom: a file may import from its own folder and from lower
 * floors.
 */
const floors = [
  ['main.ts'],
  ['cli'],
  ['assembly'],
  ['config'],
  ['http', 'control'],
  ['mirror'],
  ['cache'],
  ['store', 'upstream', 'archive', 'references'],
  ['oci'],
  ['telemetry'],
  ['base'],
];

const floorOf = new Map(floors.flatMap((folders, floor) => folders.map((folder) => [folder, floor])));

/** What each file of `src/` imports from `src/`, types included; paths from the root. */
const imports = new Map(
  globSync('src/**/*.ts', { cwd: root }).map((file) => [file, importsOf(file)] as const),
);

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/gu)]
    .map(([, path = '']) => normalize(join(dirname(file), path)))
    .filter((path) => path.startsWith('src/'));
}

function folderOf(file: string): string {
  return file.split('/')[1] ?? '';
}

it('every folder of src/ has its floor', () => {
  const folders = new Set([...imports.keys()].map(folderOf));
  expect([...folders].filter((folder) => !floorOf.has(folder))).toEqual([]);
  expect([...floorOf.keys()].filter((folder) => !folders.has(folder))).toEqual([]);
});

it('imports go from a floor to lower ones', () => {
  const wrong = [...imports].flatMap(([file, targets]) =>
    targets
      .filter((target) => folderOf(target) !== folderOf(file))
      .filter((target) => (floorOf.get(folderOf(target)) ?? 0) <= (floorOf.get(folderOf(file)) ?? Infinity))
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

it('no import leads back to its own file', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) circles.push([...path.slice(start), file].join(' -> '));
    if (start >= 0 || done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
