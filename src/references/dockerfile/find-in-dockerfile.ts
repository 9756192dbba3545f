import { imageReferenceText, parseImageReference } from '../../oci/image-reference.ts';
import { platformText, type Platform } from '../../oci/platform.ts';
import { BadFile } from '../bad-file.ts';
import { Findings } from '../findings.ts';
import type { Found } from '../found-image.ts';
import type { SourceFile } from '../source-file.ts';
import { statedPlatform } from '../stated-platform.ts';
import { BuildPlan } from './build-plan.ts';
import { findSyntax, type Syntax } from './directives.ts';
import { ArgError, globalVariables, valueOf, type Variables } from './global-variables.ts';
import { readInstructions } from './instructions.ts';
import { expandWord, type ExpandedWord } from './shell-word.ts';
import { readStages, type DockerfileParts, type Stage } from './stages.ts';
import { WordError, type UnknownValue } from './word-error.ts';

/** What a Dockerfile is built with. */
export interface DockerfileBuild {
  /** The stage; undefined: the last one. */
  readonly target: string | undefined;
  readonly buildArgs: ReadonlyMap<string, string>;
  /** Build arguments that are given, but with what is not known. */
  readonly unknownArgs?: ReadonlyMap<string, UnknownValue>;
  /** Machines that build it; at least one. */
  readonly platforms: readonly Platform[];
  /** What each of them builds it for; undefined: for itself. */
  readonly targetPlatforms?: readonly Platform[] | undefined;
  /** What stands in for images and stages of a name: `docker-image://alpine:3`, or what is no image. */
  readonly contexts: ReadonlyMap<string, string>;
}

/**
 * Finds the images that BuildKit would ask registries for to build a Dockerfile. What it could not build is a
 * problem. `ONBUILD` of images is not known here.
 */
export function findInDockerfile(file: SourceFile, build: DockerfileBuild): Found {
  const findings = new Findings(file, 'dockerfile');
  const syntax = syntaxOf(file, build);
  if (syntax !== undefined) findings.addImage(syntax.image, { line: syntax.line, reason: '# syntax' });
  try {
    const written = readInstructions(file);
    const parts = readStages(file.path, written);
    const seen = new Set<string>();
    const deps = { findings, file, parts, escape: written.escape, build, seen };
    for (const machine of build.platforms) {
      for (const platform of build.targetPlatforms ?? [machine])
        new Build({ ...deps, machine, platform }).find();
    }
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    if (syntax === undefined || isDockersOwn(syntax)) findings.addProblem(error.line, error.message);
    else findings.addNote(syntax.line, `only ${syntax.image} can tell which images it needs`);
  }
  return findings;
}

function syntaxOf({ text }: SourceFile, { buildArgs }: DockerfileBuild): Syntax | undefined {
  const given = buildArgs.get('BUILDKIT_SYNTAX');
  if (given !== undefined) return { image: given.split(' ', 1)[0] ?? given, line: 1 };
  return findSyntax(text.split('\n'));
}

/** Whether a frontend reads Dockerfiles as we do: Docker's, or a copy of it elsewhere. */
function isDockersOwn({ image }: Syntax): boolean {
  return parseImageReference(image)?.repository.includes('docker/dockerfile') === true;
}

interface BuildDeps {
  readonly findings: Findings;
  readonly file: SourceFile;
  readonly parts: DockerfileParts;
  readonly escape: string;
  readonly build: DockerfileBuild;
  readonly machine: Platform;
  readonly platform: Platform;
  /** What was found for other platforms. */
  readonly seen: Set<string>;
}

/** A word whose variables are in their place, or why they cannot be. */
type Expansion = ExpandedWord | WordError;

/** One Dockerfile, for one platform. */
class Build {
  readonly #deps: BuildDeps;
  /** Values of contexts by the canonical text of what they stand in for. */
  readonly #contexts: ReadonlyMap<string, string>;

  constructor(deps: BuildDeps) {
    this.#deps = deps;
    this.#contexts = new Map(
      [...deps.build.contexts].map(([name, context]) => [canonicalText(name), context]),
    );
  }

  /** @throws {BadFile} */
  find(): void {
    const { parts, escape, build, machine, platform, file } = this.#deps;
    const { stages, args } = parts;
    const { buildArgs, unknownArgs = new Map<string, UnknownValue>() } = build;
    const target = build.target ?? stages.at(-1)?.name;
    try {
      const variables = globalVariables({ args, escape, machine, platform, target, buildArgs, unknownArgs });
      const bases = new Map(stages.map((stage) => [stage, this.#expand(stage.base, variables)]));
      const texts = [...bases].map(([{ name }, base]) =>
        base instanceof WordError || this.#context(name) !== undefined ? '' : base.text,
      );
      for (const planned of new BuildPlan(file.path, stages, texts).needs(build.target)) {
        const { stage, base, line, reason, parent } = planned;
        if (parent !== undefined) continue;
        if (stage === undefined) this.#addImage(base, { line, reason });
        else this.#addStage(stage, bases.get(stage), variables);
      }
    } catch (error) {
      if (!(error instanceof ArgError)) throw error;
      const { arg, cause } = error;
      this.#report(cause, arg.line, `ARG ${arg.name}=${arg.value ?? ''}`);
    }
  }

  #expand(text: string, variables: Variables): Expansion {
    try {
      return expandWord(text, { escape: this.#deps.escape, lookup: (name) => valueOf(variables, name) });
    } catch (error) {
      if (error instanceof WordError) return error;
      throw error;
    }
  }

  /** What stands in for an image or a stage. */
  #context(name: string | undefined): string | undefined {
    return name === undefined ? undefined : this.#contexts.get(canonicalText(name));
  }

  #addStage(stage: Stage, base: Expansion | undefined, variables: Variables): void {
    const { line, name } = stage;
    if (this.#context(name) !== undefined) {
      this.#addImage(name ?? '', { line, reason: 'FROM' });
      return;
    }
    const written = `FROM ${stage.platform === undefined ? '' : `--platform=${stage.platform} `}${stage.base}`;
    const platform = stage.platform === undefined ? undefined : this.#expand(stage.platform, variables);
    for (const part of [base, platform]) {
      if (part instanceof WordError) {
        this.#report(part, line, written);
        return;
      }
      if (part === undefined) continue;
      const isBlank = part.text === '' || (part === base && parseImageReference(part.text) === undefined);
      if (isBlank && part.unset.length > 0) {
        for (const variable of part.unset) this.#addUnset(variable, line, written);
        return;
      }
    }
    if (base === undefined || base instanceof WordError || platform instanceof WordError) return;
    this.#addImage(base.text, { line, reason: 'FROM', platform: platform?.text });
    if (base.unset.length > 0) this.#note(line, `${base.unset.join(' and ')} not set, and taken as empty`);
  }

  /** An image, or the context that stands in for it. */
  #addImage(text: string, place: { line: number; reason: string; platform?: string | undefined }): void {
    const { findings, platform, build } = this.#deps;
    const scheme = 'docker-image://';
    const context = this.#context(text);
    if (context !== undefined && !context.startsWith(scheme)) return;
    const image = context === undefined ? text : context.slice(scheme.length);
    if (image === 'scratch') return;
    const reason = context === undefined ? place.reason : `context ${text}`;
    const stated = place.platform === undefined ? undefined : statedPlatform(place.platform);
    const own = platformText(platform);
    const isImplied = stated !== undefined && platformText(stated) === own;
    // Unless the platforms are the file's, those count that are asked for anyway.
    const implied = build.targetPlatforms === undefined ? undefined : own;
    const only = isImplied || place.platform === undefined ? implied : place.platform;
    this.#once(['image', image, place.line, reason, only], () =>
      findings.addImage(image, { line: place.line, reason, platform: only }),
    );
  }

  #addUnset(variable: string, line: number, text: string): void {
    const { findings, parts } = this.#deps;
    const isDeclared = parts.args.some(({ name }) => name === variable);
    this.#once(['unset', variable, line], () =>
      findings.addUnresolved({
        line,
        text,
        problem: isDeclared ? `${variable} is not set` : `no ARG before the first FROM declares ${variable}`,
        advice: isDeclared ? `--build-arg ${variable}=…` : undefined,
      }),
    );
  }

  /** Why a word cannot be expanded. */
  #report(error: WordError, line: number, text: string): void {
    const { findings } = this.#deps;
    const { unknown } = error;
    if (unknown !== undefined) {
      this.#once(['unknown', line, text], () => findings.addUnresolved({ line, text, ...unknown }));
    } else if (error.required !== undefined) this.#addUnset(error.required, line, text);
    else this.#once(['problem', line], () => findings.addProblem(line, `${text}: ${error.message}`));
  }

  #note(line: number, message: string): void {
    this.#once(['note', line, message], () => this.#deps.findings.addNote(line, message));
  }

  /** The same is found for each platform. */
  #once(key: readonly unknown[], add: () => void): void {
    const { seen } = this.#deps;
    const text = JSON.stringify(key);
    if (seen.has(text)) return;
    seen.add(text);
    add();
  }
}

/** The canonical text of a reference; a text that is none stays. */
function canonicalText(text: string): string {
  const reference = parseImageReference(text);
  return reference === undefined ? text : imageReferenceText(reference);
}
