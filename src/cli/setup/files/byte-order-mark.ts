const mark = '\uFEFF';

/** Whether a text begins with a byte order mark, as some editors on Windows write it. */
export function hasMark(text: string): boolean {
  return text.startsWith(mark);
}

/** Changes a text behind its byte order mark, which stays where there is one. */
export function behindMark<T extends { readonly text: string }>(
  text: string,
  change: (text: string) => T,
): T {
  if (!hasMark(text)) return change(text);
  const changed = change(text.slice(mark.length));
  return { ...changed, text: `${mark}${changed.text}` };
}
