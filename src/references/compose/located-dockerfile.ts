import { atLines } from '../at-lines.ts';
import type { Found } from '../found-image.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { isRemote, pathIn } from './documents.ts';
import { entry } from './merge.ts';
import { refuse, type Reports } from './reports.ts';
import type { Service } from './service.ts';

const defaultNames = ['Dockerfile', 'dockerfile'];

interface LocateDeps {
  readonly context: ParseContext;
  readonly reports: Reports;
}

/** A Dockerfile, in a file of its own or as a text in another one. */
export interface LocatedDockerfile {
  readonly file: SourceFile;
  /** What was found in it, at the lines of the file where it stands. */
  readonly placed: (found: Found) => Found;
}

/**
 * The Dockerfile of a service; undefined, and told, where it is not at hand.
 * @throws {BadFile}
 */
export async function locateDockerfile(
  service: Service,
  build: YamlNode,
  { context, reports }: LocateDeps,
): Promise<LocatedDockerfile | undefined> {
  const node = entry(build, 'context');
  const folder = node === undefined ? undefined : reports.text(node);
  if (node === undefined || folder === undefined) return undefined;
  const inline = entry(build, 'dockerfile_inline');
  const written = entry(build, 'dockerfile');
  if (inline !== undefined) {
    if (written !== undefined)
      refuse(inline, `${service.title} has both "dockerfile" and "dockerfile_inline"`);
    const text = reports.text(inline);
    return text === undefined ? undefined : inlineDockerfile(inline, text);
  }
  if (isRemote(folder)) {
    reports.note(node, `${service.title} is built from ${folder}: what that begins with is not known here`);
    return undefined;
  }
  const path = written === undefined ? '' : reports.text(written);
  if (path === undefined) return undefined;
  const paths = (path === '' ? defaultNames : [path]).map((name) => pathIn(folder, name));
  for (const one of paths) {
    const file = await context.read(one, node.file);
    if (file !== undefined) return { file, placed: (found) => found };
  }
  const [first = ''] = paths;
  const missing = pathIn(node.file.folder, first);
  reports.unresolved(node, {
    problem: `${service.title} is built with ${missing}, which does not exist`,
    advice: '--no-build',
  });
  return undefined;
}

function inlineDockerfile(node: YamlNode, text: string): LocatedDockerfile {
  return {
    file: { ...node.file, text },
    placed: (found) => atLines(found, (line) => node.line + line - 1),
  };
}
