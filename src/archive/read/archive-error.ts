/** An archive cannot be read, or is not what it says. The message is for people: file, entry, what is wrong. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
  readonly code = 'ARCHIVE';

  /** @param problem continues the sentence that `file` and `entry` begin */
  constructor(file: string, entry: string | undefined, problem: string, options?: ErrorOptions) {
    const place = entry === undefined ? printable(file) : `${printable(file)}: ${printable(entry)}`;
    super(`${place} ${problem}`, options);
  }
}

/** Without what a terminal would obey, and not endless. */
export function printable(name: string): string {
  const shown = /^[\w./:@+ ~,=-]+$/u.test(name)
    ? name
    : JSON.stringify(name).replaceAll(/[^\x20-\x7e]/gu, '?');
  return shown.length > 300 ? `${shown.slice(0, 300)}…` : shown;
}
