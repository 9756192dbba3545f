import { parseImageReference } from '../oci/image-reference.ts';

/** What a line of a list says, without its comment. */
export function withoutComment(line: string): string {
  return line.replace(/(?:^|\s)#.*$/su, '').trim();
}

/** Whether a text begins with a line that is an image and nothing else; blank lines and comments aside. */
export function looksLikeImageList(text: string): boolean {
  for (let start = 0; start < text.length;) {
    const end = text.indexOf('\n', start);
    const line = withoutComment(text.slice(start, end < 0 ? text.length : end));
    if (line !== '') return parseImageReference(line) !== undefined;
    if (end < 0) return false;
    start = end + 1;
  }
  return false;
}
