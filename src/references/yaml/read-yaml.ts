import { parseEvents, YAMLException, type Event } from 'js-yaml';
import { BadFile } from '../bad-file.ts';
import type { SourceFile } from '../source-file.ts';
import { NodeReader } from './node-reader.ts';
import type { YamlNode } from './yaml-node.ts';
import type { YamlPart } from './yaml-parts.ts';

/** Levels; deeper than any file, and far from the end of the stack. */
const maxDepth = 200;

/**
 * The documents of a YAML or JSON text, but for empty ones. A key that stands twice has its last value, as
 * in most tools.
 * @param part what to read of the file, in place of all
 * @throws {BadFile}
 */
export function readYaml(
  file: SourceFile,
  part: YamlPart = { text: file.text, line: 1 },
): readonly YamlNode[] {
  return new NodeReader({ file, part, events: events(file, part), isStrict: false }).documents();
}

/**
 * The documents of a text for a tool that refuses keys that stand twice, or are no texts, as those written
 * in Go do.
 */
export function readStrictYaml(file: SourceFile): readonly YamlNode[] {
  const part = { text: file.text, line: 1 };
  return new NodeReader({ file, part, events: events(file, part), isStrict: true }).documents();
}

/** The only document of a text; undefined for an empty one. */
export function readOneYaml(file: SourceFile): YamlNode | undefined {
  const [document, second] = readYaml(file);
  if (second !== undefined) {
    throw new BadFile({
      file: file.path,
      line: second.line,
      message: 'has a second YAML document here: one is expected',
    });
  }
  return document;
}

function events(file: SourceFile, part: YamlPart): readonly Event[] {
  try {
    return parseEvents(part.text, { maxDepth });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const spaced = withoutTabs(part.text);
    if (spaced !== part.text) return events(file, { ...part, text: spaced });
    const message = `is not valid YAML: ${error.reason}`;
    throw new BadFile({ file: file.path, line: errorLine(error, part), message }, { cause: error });
  }
}

/**
 * The same with spaces for tabs that indent nothing: the parser takes those in `{a:\tb}` for wrong
 * indentation, and YAML does not.
 * Offsets stay as they are, so that texts in which tabs mean something are read from where they stand.
 */
function withoutTabs(text: string): string {
  return text.replaceAll(/^([ \t]+)|\t/gmu, (_all, indentation: string | undefined) => indentation ?? ' ');
}

/** The end of a text that is cut is told as its last line, not as the one after it. */
function errorLine({ mark }: YAMLException, { text, line }: YamlPart): number {
  const position = Math.min(mark?.position ?? 0, text.trimEnd().length);
  return line + text.slice(0, position).split('\n').length - 1;
}
