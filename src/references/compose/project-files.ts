import { basename, dirname, resolve } from 'node:path';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { hasTopKey } from '../yaml/yaml-keys.ts';

/** The files of a project, in the order in which they are laid over each other. */
export type Files = readonly [SourceFile, ...SourceFile[]];

/** The names under which Compose looks for a file, the first one first. */
const defaultNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];

/** Under which it looks for another one beside it, which is laid over it. */
const overrideNames = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];

/** Whether a file is called as Compose files are. */
export function isComposeName(path: string): boolean {
  return /^(?:docker-|podman-)?compose(?:[.-][^/]*)?\.ya?ml$/u.test(basename(path));
}

/**
 * Whether a text has services at its top, or includes files that have; other kinds of files say what they
 * are.
 */
export function looksLikeCompose(text: string): boolean {
  return (
    ['services', 'include'].some((key) => hasTopKey(text, key)) &&
    !['apiVersion', 'stages', 'on'].some((key) => hasTopKey(text, key))
  );
}

/** Whether Compose would read a file in a folder if none is named, or would have none to read there. */
export function isReadByDefault(name: string, siblings: readonly string[]): boolean {
  const first = defaultNames.find((one) => siblings.includes(one));
  return first === undefined || name === first;
}

/**
 * Divides files into projects. What is named after a file is laid over it, but for
 * files with a default name in another folder, which begin a project of their own.
 */
export function projectsOf([first, ...others]: Files): readonly Files[] {
  const projects: [SourceFile, ...SourceFile[]][] = [];
  let project: [SourceFile, ...SourceFile[]] = [first];
  projects.push(project);
  for (const file of others) {
    if (defaultNames.includes(basename(file.path)) && isElsewhere(file, project[0]))
      projects.push((project = [file]));
    else project.push(file);
  }
  return projects;
}

/**
 * Reads a file of which another one uses some services. One that Compose would find in its folder is a
 * project of its own as well.
 * @throws {BadFile}
 */
export async function readPart(
  path: string,
  from: SourceFile,
  context: ParseContext,
): Promise<SourceFile | undefined> {
  return defaultNames.includes(basename(path))
    ? await context.consult(path, from)
    : await context.read(path, from);
}

/**
 * The file that Compose reads besides one with a default name that stands alone; undefined if there is
 * none.
 */
export async function overrideOf(file: SourceFile, context: ParseContext): Promise<SourceFile | undefined> {
  if (!defaultNames.includes(basename(file.path))) return undefined;
  for (const name of overrideNames) {
    const override = await context.read(name, file);
    if (override !== undefined) return override;
  }
  return undefined;
}

function isElsewhere(one: SourceFile, other: SourceFile): boolean {
  return resolve(dirname(one.path)) !== resolve(dirname(other.path));
}
