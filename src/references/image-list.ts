import { Findings } from './findings.ts';
import type { Found } from './found-image.ts';
import { withoutComment } from './list-content.ts';
import type { SourceFile } from './source-file.ts';

/** Finds the images of a plain list: one a line, blank lines and `# comments` aside. */
export function findInList(file: SourceFile): Found {
  const findings = new Findings(file, 'list');
  for (const [index, line] of file.text.split(/\r?\n|\r/u).entries()) {
    const text = withoutComment(line);
    if (text !== '') findings.addImage(text, { line: index + 1, reason: 'listed' });
  }
  return findings;
}
