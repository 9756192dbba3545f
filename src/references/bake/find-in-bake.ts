import { platformText } from '../../oci/platform.ts';
import { findInDockerfile } from '../dockerfile/find-in-dockerfile.ts';
import { Findings } from '../findings.ts';
import type { Found } from '../found-image.ts';
import { givenVariables } from '../given-variables.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { defaultBakeFiles } from './bake-content.ts';
import { BakeFile } from './bake-file.ts';
import { FileSequence } from './file-sequence.ts';
import { HclError } from './hcl/hcl-error.ts';
import { parseHcl } from './hcl/parse-body.ts';
import { parseHclJson } from './hcl/parse-json.ts';
import { dockerfileOf } from './target-dockerfile.ts';
import { TargetReader } from './target-reader.ts';

/**
 * Finds the images that `docker buildx bake` needs to build what a bake file has: its targets, or its
 * default.
 */
export async function findInBake(file: SourceFile, context: ParseContext): Promise<Found> {
  const findings = new Findings(file, 'bake');
  if (!context.build) return findings;
  const files = new FileSequence(await filesOf(file, context));
  try {
    await new BakeSearch(files, context).find();
  } catch (error) {
    if (error instanceof HclError) throw files.badFile(error);
    throw error;
  }
  for (const member of files.members) findings.addAll(member.findings);
  return findings;
}

/** With those that bake lays over it. */
async function filesOf(file: SourceFile, context: ParseContext): Promise<readonly SourceFile[]> {
  if (!context.isFromFolder) return [file, ...context.overrides];
  const files = [file];
  for (const name of defaultBakeFiles) {
    const other = file.path.endsWith(name) ? undefined : await context.read(name, file);
    if (other !== undefined) files.push(other);
  }
  return files;
}

/** The targets of bake files, one after the other. */
class BakeSearch {
  readonly #files: FileSequence;
  readonly #context: ParseContext;
  readonly #bake: BakeFile;
  readonly #done = new Set<string>();

  /** @throws {HclError} */
  constructor(files: FileSequence, context: ParseContext) {
    this.#files = files;
    this.#context = context;
    const bodies = files.members.map(({ file: { text }, firstLine }) =>
      text.trimStart().startsWith('{') ? parseHclJson(text, firstLine) : parseHcl(text, firstLine),
    );
    const [machine] = context.platforms;
    const localPlatform = machine === undefined ? '' : platformText(machine);
    this.#bake = new BakeFile(bodies, { environment: givenVariables(context), localPlatform });
  }

  /** @throws {HclError} */
  async find(): Promise<void> {
    const { targets } = this.#context;
    const names = targets.length === 0 ? ['default'] : targets;
    const wanted = this.#bake.targetsOf(names);
    if (wanted === undefined) {
      const { findings } = this.#files.at(1);
      findings.addProblem(
        undefined,
        `has no target ${names.join(', ')}: give --target, one of ${this.#bake.names.join(', ')}`,
      );
      return;
    }
    for (const name of wanted) await this.#search(name, 1);
  }

  /** @throws {HclError} */
  async #search(name: string, line: number): Promise<void> {
    if (this.#done.has(name)) return;
    this.#done.add(name);
    const target = this.#bake.target(name, line);
    const context = this.#context;
    const reader = new TargetReader(target, this.#files);
    const contexts = reader.contexts();
    for (const [key, value] of contexts) {
      const [, other] = /^target:(.+)$/su.exec(value) ?? [];
      if (other !== undefined) await this.#search(other, target.contexts.get(key)?.expression.line ?? line);
    }
    const dockerfile = await dockerfileOf({ target, reader, files: this.#files, context });
    const { known, unknown } = reader.args();
    const stage = reader.text('target');
    const [machine] = context.platforms;
    const targetPlatforms = machine === undefined ? undefined : reader.platforms(machine);
    if (dockerfile === undefined || !reader.isResolved) return;
    const found = findInDockerfile(dockerfile.file, {
      target: stage,
      contexts,
      buildArgs: new Map([...known, ...context.buildArgs]),
      unknownArgs: new Map([...unknown].filter(([arg]) => !context.buildArgs.has(arg))),
      platforms: context.platforms,
      targetPlatforms,
    });
    this.#files.at(target.line).findings.addAll(dockerfile.place(found));
  }
}
