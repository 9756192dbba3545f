import { distance } from 'fastest-levenshtein';
import type { z } from '../base/zod.ts';
import type { ProblemList } from './problem-list.ts';
import { anyKey, fileSchema, knownKeys, type FileValues } from './schema.ts';
import { suggest } from './suggest.ts';
import { isSection, pathText, type ConfigTree, type Node, type Path } from './tree.ts';

export interface Validated {
  /** Every value has its type, and every missing one its default; broken sections count as missing. */
  readonly values: FileValues;
  /** Sections with problems, by the name of their top-level key. */
  readonly broken: ReadonlySet<string>;
}

/** Gives values their types. Sections without problems are still read, to find further problems. */
export function validate(tree: ConfigTree, problems: ProblemList): Validated {
  const result = fileSchema.safeParse(tree.root);
  if (result.success) return { values: result.data, broken: new Set() };
  const broken = new Set<string>();
  for (const issue of result.error.issues) {
    report(tree, problems, issue);
    const [section] = issue.path;
    if (section !== undefined) broken.add(String(section));
    else if (issue.code === 'unrecognized_keys') for (const key of issue.keys) broken.add(key);
  }
  const whole = Object.entries(tree.root).filter(([key]) => !broken.has(key));
  return { values: fileSchema.parse(Object.fromEntries(whole)), broken };
}

/** Whether `key` is one of the top level's, or so near to one of Entrepot's own that it must be a slip. */
export function meansTopLevelKey(key: string): boolean {
  return knownKeys.includes(key) || Object.keys(fileSchema.shape).some((known) => distance(key, known) <= 1);
}

function report(tree: ConfigTree, problems: ProblemList, issue: z.core.$ZodIssue): void {
  const path = writtenPath(
    tree,
    issue.path.map((part) => (typeof part === 'number' ? part : String(part))),
  );
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) problems.add([...path, key], unknownKey(path, key));
  } else if (issue.code === 'invalid_type') {
    problems.add(path, wrongType(tree.get(path), issue.expected));
  } else {
    problems.add(path, issue.message);
  }
}

/** Where one value stands for a list of one, it has no place in a list. */
function writtenPath(tree: ConfigTree, path: Path): Path {
  const list = path.slice(0, -1);
  return typeof path.at(-1) === 'number' && typeof tree.get(list) === 'string' ? list : path;
}

/** A key that exists elsewhere usually has the wrong indentation; otherwise it is misspelled. */
function unknownKey(parent: Path, key: string): string {
  const prefix = parent
    .map((part, index) => {
      if (typeof part === 'number') return '';
      return index === 1 && parent[0] === 'upstreams' ? `${anyKey}.` : `${part}.`;
    })
    .join('');
  const siblings = knownKeys
    .filter((known) => known.startsWith(prefix) && !known.slice(prefix.length).includes('.'))
    .map((known) => known.slice(prefix.length));
  const near = suggest(key, siblings);
  const elsewhere = knownKeys.find((known) => known.endsWith(`.${key}`));
  const meant = near === undefined ? elsewhere : pathText([...parent, near]);
  return meant === undefined ? 'unknown key' : `unknown key, did you mean ${meant}?`;
}

const expectations: Readonly<Record<string, string>> = {
  string: 'a single value',
  array: 'a list',
  object: 'a section with keys of its own',
  record: 'a section with keys of its own',
};

function wrongType(node: Node, expected: string): string {
  if (node === undefined) return 'is missing';
  const found = typeof node === 'string' ? 'a single value' : isSection(node) ? 'a section' : 'a list';
  return `expected ${expectations[expected] ?? expected}, found ${found}`;
}
