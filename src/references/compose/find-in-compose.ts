import { basename, resolve } from 'node:path';
import { Findings } from '../findings.ts';
import type { Found } from '../found-image.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { ComposeProject } from './compose-project.ts';
import { projectEnvironment, type Environment } from './environment.ts';
import { overrideOf, projectsOf, type Files } from './project-files.ts';

/** Finds the images in Compose files: what `docker compose up` would pull, and what it would build upon. */
export async function findInCompose(file: SourceFile, context: ParseContext): Promise<Found> {
  const findings = new Findings(file, 'compose');
  for (const named of projectsOf([file, ...context.overrides])) {
    const environment = await projectEnvironment(named[0], context);
    const { files, note } = await filesOf(named, environment, context);
    if (note !== undefined) findings.notes.push({ file: named[0].path, line: undefined, message: note });
    if (files === undefined) continue;
    findings.addAll(await new ComposeProject({ files, environment, context, services: [] }).find());
  }
  return findings;
}

/**
 * Finds the images in Compose files that are one project.
 * @param services those that are meant, with those that they need; none: all that are enabled
 */
export async function findInProject(
  files: Files,
  context: ParseContext,
  services: readonly string[],
): Promise<Found> {
  const environment = await projectEnvironment(files[0], context);
  return await new ComposeProject({ files, environment, context, services }).find();
}

interface ChosenFiles {
  /** Undefined: they are read with another one. */
  readonly files: Files | undefined;
  readonly note?: string;
}

/** The files that Compose would read. */
async function filesOf(named: Files, environment: Environment, context: ParseContext): Promise<ChosenFiles> {
  const [file, ...others] = named;
  if (context.isFromFolder) {
    const [first, ...more] = await listedFiles(file, environment, context);
    if (first !== undefined) {
      if (resolve(first.path) === resolve(file.path)) return { files: [first, ...more] };
      return { files: undefined, note: 'is not read on its own: COMPOSE_FILE in .env names what is' };
    }
  }
  const override = others.length === 0 ? await overrideOf(file, context) : undefined;
  if (override === undefined) return { files: named };
  return {
    files: [file, override],
    note: `${basename(override.path)} beside it is laid over it, as Compose has it`,
  };
}

/** The files that a `.env` names in `COMPOSE_FILE`, for a folder where no file was named. */
async function listedFiles(
  file: SourceFile,
  environment: Environment,
  context: ParseContext,
): Promise<readonly SourceFile[]> {
  const list = environment.text('COMPOSE_FILE');
  if (list === undefined) return [];
  const separator = environment.text('COMPOSE_PATH_SEPARATOR');
  const files: SourceFile[] = [];
  for (const path of list.split(separator === undefined || separator === '' ? ':' : separator)) {
    const chosen = await context.read(path, file);
    if (chosen !== undefined) files.push(chosen);
  }
  return files;
}
