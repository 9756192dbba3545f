import { isAbsolute, join, resolve } from 'node:path';
import { atLines } from '../at-lines.ts';
import type { Found } from '../found-image.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import type { BakeTarget } from './bake-file.ts';
import type { FileSequence } from './file-sequence.ts';
import type { TargetReader } from './target-reader.ts';

/** The Dockerfile of a target, and what its lines are called. */
export interface TargetDockerfile {
  readonly file: SourceFile;
  /** Of a Dockerfile within a bake file, lines are that file's. */
  place(found: Found): Found;
}

interface TargetDockerfileDeps {
  readonly target: BakeTarget;
  readonly reader: TargetReader;
  readonly files: FileSequence;
  readonly context: ParseContext;
}

/**
 * Finds the Dockerfile of a target; undefined where it has none that can be read, which goes to the findings.
 */
export async function dockerfileOf(deps: TargetDockerfileDeps): Promise<TargetDockerfile | undefined> {
  const { target, reader, files, context } = deps;
  const inline = reader.text('dockerfile-inline');
  if (inline !== undefined) return inlineDockerfile(inline, deps);
  const folder = reader.text('context') ?? '.';
  const name = reader.text('dockerfile') ?? 'Dockerfile';
  const { findings, file, line } = files.at(target.line);
  if (/^[a-z][a-z0-9+.-]*:\/\/|^git@/iu.test(folder)) {
    findings.addNote(line, `${target.name} is built from ${folder}, which is not read`);
    return undefined;
  }
  const path = isAbsolute(name) ? name : join(folder, name);
  // Bake starts from the folder that it is called in, which mostly is that of its file.
  const found = (await context.read(path, file)) ?? (await context.read(resolve(path), file));
  if (found !== undefined) return { file: found, place: (all) => all };
  findings.addUnresolved({
    line,
    text: `target "${target.name}"`,
    problem: `there is no file ${path}`,
    advice: undefined,
  });
  return undefined;
}

function inlineDockerfile(text: string, { target, files }: TargetDockerfileDeps): TargetDockerfile {
  const { file, line } = files.at(target.attributes.get('dockerfile-inline')?.expression.line ?? target.line);
  const isHeredoc = /<<-?[^\s"]+\s*$/u.test(file.text.split('\n')[line - 2] ?? '');
  return {
    file: { ...file, text },
    place: (found) => atLines(found, (one) => (isHeredoc ? line + one - 1 : line)),
  };
}
