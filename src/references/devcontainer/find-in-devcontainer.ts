import { resolve } from 'node:path';
import { parseImageReference } from '../../oci/image-reference.ts';
import { BadFile } from '../bad-file.ts';
import { findInProject } from '../compose/find-in-compose.ts';
import { readPart } from '../compose/project-files.ts';
import { findInDockerfile } from '../dockerfile/find-in-dockerfile.ts';
import { Findings } from '../findings.ts';
import type { Found } from '../found-image.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { statedPlatform } from '../stated-platform.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { FeatureSearch } from './features.ts';
import { fillIn } from './local-variables.ts';
import { readJsonc } from './read-jsonc.ts';

/**
 * Finds what the Dev Containers CLI would ask registries for to bring up a Dev Container, its features
 * included.
 */
export async function findInDevContainer(file: SourceFile, context: ParseContext): Promise<Found> {
  const { root, problem } = readJsonc(file);
  const findings = new Findings(file, 'devcontainer');
  if (problem !== undefined) {
    findings.addNote(
      problem.line,
      `is no well-formed JSON here (${problem.message}), which the tool passes over`,
    );
  }
  await new DevContainer({ file, context, root, findings }).find();
  return findings;
}

interface DevContainerDeps {
  readonly file: SourceFile;
  readonly context: ParseContext;
  readonly root: YamlNode;
  readonly findings: Findings;
}

class DevContainer {
  readonly #deps: DevContainerDeps;
  readonly #workspace: string;

  constructor(deps: DevContainerDeps) {
    this.#deps = deps;
    const folder = resolve(deps.file.folder);
    const [outer = folder] = /^.*(?=\/\.devcontainer(?:\/[^/]+)?$)/u.exec(folder) ?? [];
    this.#workspace = outer;
  }

  async find(): Promise<void> {
    const { file, context, root, findings } = this.#deps;
    const dockerfile = root.at('build', 'dockerfile') ?? root.at('dockerFile');
    const image = root.at('image');
    const compose = root.at('dockerComposeFile');
    if (dockerfile !== undefined) {
      if (context.build) await this.#findInDockerfile(dockerfile);
    } else if (image !== undefined) this.#findImage(image);
    else if (compose !== undefined) await this.#findInCompose(compose);
    else throw this.#bad(root, 'names neither an image nor a Dockerfile nor a Compose file');
    const features = root.at('features');
    if (features !== undefined && context.build)
      await new FeatureSearch({ file, context, findings }).find(features);
  }

  #findImage(node: YamlNode): void {
    const { root, findings } = this.#deps;
    const { line, text = '' } = node;
    const { text: image, unset } = this.#fillIn(text);
    const [variable] = unset;
    if (variable !== undefined && parseImageReference(image) === undefined) {
      findings.addUnresolved({
        line,
        text,
        problem: `${variable} is not set`,
        advice: `--env ${variable}=…`,
      });
      return;
    }
    const platform = optionValues(root.itemsAt('runArgs'), 'platform').at(-1);
    findings.addImage(image, { line, reason: 'image', platform });
  }

  async #findInDockerfile(node: YamlNode): Promise<void> {
    const { file, context, root, findings } = this.#deps;
    const { text: path } = this.#fillIn(node.text ?? '');
    const dockerfile = await context.read(path, file);
    if (dockerfile === undefined) {
      const problem = 'its Dockerfile does not exist';
      findings.addUnresolved({ line: node.line, text: node.text ?? '', problem, advice: '--no-build' });
      return;
    }
    const options = root.itemsAt('build', 'options');
    const target = root.textAt('build', 'target') ?? optionValues(options, 'target').at(-1);
    const stated = optionValues(options, 'platform').flatMap((text) => statedPlatform(text) ?? []);
    const found = findInDockerfile(dockerfile, {
      target: target === undefined ? undefined : this.#fillIn(target).text,
      buildArgs: this.#buildArgs(options),
      platforms: context.platforms,
      targetPlatforms: stated.length > 0 ? stated : undefined,
      contexts: assignments(optionValues(options, 'build-context')),
    });
    findings.addAll(found);
  }

  #buildArgs(options: readonly YamlNode[]): ReadonlyMap<string, string> {
    const { context, root } = this.#deps;
    const args = [...(root.at('build', 'args')?.entries ?? [])].map(
      ([name, node]) => [name, this.#fillIn(node.text ?? '').text] as const,
    );
    return new Map([...args, ...assignments(optionValues(options, 'build-arg')), ...context.buildArgs]);
  }

  async #findInCompose(node: YamlNode): Promise<void> {
    const { file, context, root, findings } = this.#deps;
    const nodes = node.isSequence ? node.items : [node];
    const files: SourceFile[] = [];
    for (const one of nodes) {
      const compose = await readPart(this.#fillIn(one.text ?? '').text, file, context);
      if (compose === undefined)
        throw this.#bad(one, `is made of ${one.text ?? 'a file'}, which does not exist`);
      files.push(compose);
    }
    const [first, ...more] = files;
    if (first === undefined) {
      findings.addNote(
        node.line,
        'is made of the Compose file of the folder where the tool is run: name that file, too',
      );
      return;
    }
    const run = root.at('runServices');
    const service = root.textAt('service');
    const services = [...(run?.items ?? []).flatMap(({ text }) => text ?? []), service].filter(
      (one) => one !== undefined,
    );
    findings.addAll(
      await findInProject([first, ...more], context, (run?.items ?? []).length > 0 ? services : []),
    );
  }

  #fillIn(text: string): ReturnType<typeof fillIn> {
    return fillIn(text, this.#deps.context.environment, this.#workspace);
  }

  #bad({ line }: YamlNode, message: string): BadFile {
    return new BadFile({ file: this.#deps.file.path, line, message });
  }
}

/** The values of an option of docker's, written `--name value` or `--name=value`. */
function optionValues(options: readonly YamlNode[], name: string): readonly string[] {
  return options.flatMap(({ text = '' }, index) => {
    if (text === `--${name}`) return options[index + 1]?.text ?? [];
    return text.startsWith(`--${name}=`) ? text.slice(name.length + 3) : [];
  });
}

function assignments(texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    texts.flatMap((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/su.exec(text) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}
