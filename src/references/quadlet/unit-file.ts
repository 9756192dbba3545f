import { BadFile } from '../bad-file.ts';
import type { SourceFile } from '../source-file.ts';

/** `Key=value` in a unit. */
export interface UnitEntry {
  readonly file: SourceFile;
  /** Where it begins, from 1. */
  readonly line: number;
  readonly section: string;
  readonly key: string;
  readonly value: string;
}

/** The entries of a unit and of what is laid over it. */
export class UnitFile {
  readonly #entries: readonly UnitEntry[];

  private constructor(entries: readonly UnitEntry[]) {
    this.#entries = entries;
  }

  /**
   * @param files a unit, and then what is laid over it, in order
   * @throws {BadFile}
   * @see https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html
   */
  static read(files: readonly SourceFile[]): UnitFile {
    return new UnitFile(files.flatMap(readEntries));
  }

  /** What counts of a key that takes one value: the last one, unless that is empty. */
  last(section: string, key: string): UnitEntry | undefined {
    const entry = this.#entries.findLast((one) => one.section === section && one.key === key);
    return entry?.value === '' ? undefined : entry;
  }

  /** What counts of a key that takes several: all that come after the last empty one. */
  all(section: string, key: string): readonly UnitEntry[] {
    const entries = this.#entries.filter((one) => one.section === section && one.key === key);
    return entries.slice(entries.findLastIndex(({ value }) => value === '') + 1);
  }
}

/** As Podman reads units: a line that goes on is joined without a space. */
function readEntries(file: SourceFile): readonly UnitEntry[] {
  const entries: UnitEntry[] = [];
  let section: string | undefined;
  let begun: { readonly line: number; readonly text: string } | undefined;
  for (const [index, written] of file.text.split('\n').entries()) {
    const text = written.trim();
    if (/^[#;]/u.test(text) || (text === '' && begun === undefined)) continue;
    const joined = `${begun?.text ?? ''}${text}`;
    const line = begun?.line ?? index + 1;
    if (joined.endsWith('\\')) {
      begun = { line, text: joined.slice(0, -1) };
      continue;
    }
    begun = undefined;
    section = addLine({ file, line, text: joined }, section, entries);
  }
  if (begun !== undefined) addLine({ file, ...begun }, section, entries);
  return entries;
}

/** @returns the section that the next line is in */
function addLine(
  { file, line, text }: Pick<UnitEntry, 'file' | 'line'> & { readonly text: string },
  section: string | undefined,
  entries: UnitEntry[],
): string | undefined {
  const [, name] = /^\[([^\]]*)\]$/u.exec(text) ?? [];
  if (name !== undefined) return name;
  const equals = text.indexOf('=');
  if (section === undefined || equals < 1) {
    const problem =
      section === undefined ? 'comes before the first [Section]' : 'is neither Key=value nor [Section]';
    throw new BadFile({ file: file.path, line, message: `has a line that ${problem}` });
  }
  entries.push({
    file,
    line,
    section,
    key: text.slice(0, equals).trim(),
    value: text.slice(equals + 1).trim(),
  });
  return section;
}
