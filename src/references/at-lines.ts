import type { Found } from './found-image.ts';

/** The same findings at other lines: what is found in a text within a file stands in that file. */
export function atLines(found: Found, lineOf: (line: number) => number): Found {
  const moved = <T extends { readonly line: number | undefined }>(one: T): T => ({
    ...one,
    line: one.line === undefined ? undefined : lineOf(one.line),
  });
  return {
    images: found.images.map(moved),
    unresolved: found.unresolved.map(moved),
    notes: found.notes.map(moved),
    problems: found.problems.map(moved),
  };
}
