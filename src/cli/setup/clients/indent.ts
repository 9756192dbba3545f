/** Moves every line that is not empty to the right. */
export function indent(text: string, columns: number): string {
  return text.replace(/^(?=[^\n])/gmu, ' '.repeat(columns));
}
