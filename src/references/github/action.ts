import { findInDockerfile } from '../dockerfile/find-in-dockerfile.ts';
import type { FindingsOfFiles } from '../findings-of-files.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { readOneYaml } from '../yaml/read-yaml.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import type { FieldReader } from './field-reader.ts';
import type { Repository } from './repository.ts';

interface ActionReaderDeps {
  readonly findings: FindingsOfFiles;
  readonly fields: FieldReader;
  readonly repository: Repository;
  readonly context: ParseContext;
}

/** Reads actions, and the steps that use them. */
export class ActionReader {
  readonly #deps: ActionReaderDeps;
  /** Actions that were read; they may use each other. */
  readonly #read = new Set<string>();

  constructor(deps: ActionReaderDeps) {
    this.#deps = deps;
  }

  /** The images that steps name, and those of the actions of this repository that they use. */
  async readSteps(steps: readonly YamlNode[], of: string): Promise<void> {
    for (const [index, step] of steps.entries()) {
      const uses = step.at('uses');
      const text = uses?.text ?? '';
      if (uses === undefined) continue;
      if (text.startsWith('docker://')) this.#deps.fields.add(uses, text, `step ${index + 1} of ${of}`);
      else if (text.startsWith('./')) await this.#readLocal(uses, text);
    }
  }

  /** An action: `action.yml`. */
  async read(file: SourceFile, action: YamlNode): Promise<void> {
    const { fields } = this.#deps;
    this.#read.add(file.path);
    const runs = action.at('runs');
    const image = runs?.at('image');
    await this.readSteps(runs?.itemsAt('steps') ?? [], 'the action');
    if (runs?.textAt('using') !== 'docker' || image?.text === undefined) return;
    if (image.text.startsWith('docker://')) fields.add(image, image.text, 'action');
    else this.#addDockerfile(await this.#deps.context.read(image.text, file), image);
  }

  async #readLocal(uses: YamlNode, path: string): Promise<void> {
    const { repository } = this.#deps;
    const file =
      (await repository.read(`${path}/action.yml`)) ?? (await repository.read(`${path}/action.yaml`));
    if (file === undefined) {
      this.#addDockerfile(await repository.read(`${path}/Dockerfile`), uses);
    } else if (!this.#read.has(file.path)) {
      const action = readOneYaml(file);
      if (action !== undefined) await this.read(file, action);
    }
  }

  #addDockerfile(file: SourceFile | undefined, from: YamlNode): void {
    const { findings, context } = this.#deps;
    if (file === undefined) {
      findings
        .of(from.file)
        .addNote(from.line, `${from.text ?? ''} is not there: a workflow may make it while it runs`);
    } else if (context.build) {
      const { buildArgs, platforms } = context;
      const build = { target: undefined, buildArgs, platforms, contexts: new Map<string, string>() };
      findings.of(file).addAll(findInDockerfile(file, build));
    }
  }
}
