import { BadFile } from '../bad-file.ts';
import { FindingsOfFiles } from '../findings-of-files.ts';
import type { Found } from '../found-image.ts';
import { givenVariables } from '../given-variables.ts';
import { addResource } from '../kubernetes/resource.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { readYaml } from '../yaml/read-yaml.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { changeImages, type ImageFieldSpec } from './images.ts';
import {
  buildAdvice,
  imageEntries,
  imageFieldSpecs,
  isRemote,
  jsonPatchEntries,
  kustomizationNames,
  patchEntries,
  unknownParts,
} from './kustomization.ts';
import { Patcher } from './patcher.ts';
import { KustomizedResource } from './resource.ts';

/** Kustomizations that are built for one; far more than there are. */
const maxBuilds = 500;

/** Finds the images of what `kustomize build` would make of a kustomization. */
export async function findInKustomization(file: SourceFile, context: ParseContext): Promise<Found> {
  return await new Build(file, context).run();
}

class Build {
  readonly #file: SourceFile;
  readonly #context: ParseContext;
  readonly #findings = new FindingsOfFiles('kustomize');
  readonly #patcher: Patcher;
  /** The folders of kustomizations that are being built, each in the one before. */
  readonly #folders: string[];
  #builds = 0;

  constructor(file: SourceFile, context: ParseContext) {
    this.#file = file;
    this.#folders = [file.folder];
    this.#context = context;
    this.#patcher = new Patcher({
      read: (path) => this.#read(path),
      unresolved: (node, problem) => this.#unresolved(node, problem),
    });
  }

  async run(): Promise<Found> {
    const resources = await this.#build(this.#file, []);
    const environment = givenVariables(this.#context);
    for (const { node } of resources.filter((resource) => !isLocal(resource))) {
      addResource(node, { findingsOf: ({ file }) => this.#findings.of(file), environment });
    }
    return this.#findings.found();
  }

  /** What a kustomization makes of its resources; a component makes it of those of its user, too. */
  async #build(
    file: SourceFile,
    inherited: readonly KustomizedResource[],
  ): Promise<readonly KustomizedResource[]> {
    const [root] = readYaml(file);
    if (root === undefined) return inherited;
    for (const node of unknownParts(root)) this.#unresolved(node, 'it is made by kustomize while it builds');
    let resources = inherited;
    for (const path of [...root.itemsAt('resources'), ...root.itemsAt('bases')]) {
      resources = [...resources, ...(await this.#accumulate(path))];
    }
    for (const path of root.itemsAt('components')) {
      const component = await this.#kustomizationAt(path);
      if (component === undefined) this.#missing(path);
      else resources = await this.#inside(component, path, resources);
    }
    resources = await this.#patcher.apply(patchEntries(root), resources);
    resources = resources.map((resource) => renamed(resource, root));
    resources = await this.#patcher.apply(jsonPatchEntries(root), resources);
    return this.#withImages(root, resources, await this.#fields(root));
  }

  #withImages(
    root: YamlNode,
    resources: readonly KustomizedResource[],
    fields: readonly ImageFieldSpec[],
  ): readonly KustomizedResource[] {
    let changed = resources;
    for (const { node, change } of imageEntries(root)) {
      if (change === undefined)
        this.#unresolved(node, 'its name is a regular expression that cannot be read');
      else changed = changed.map((resource) => changeImages(resource, change, fields));
    }
    return changed;
  }

  /** What stands behind an entry of `resources`. */
  async #accumulate(path: YamlNode): Promise<readonly KustomizedResource[]> {
    const base = await this.#kustomizationAt(path);
    if (base !== undefined) return await this.#inside(base, path, []);
    const file = await this.#read(path);
    if (file !== undefined)
      return readYaml(file)
        .flatMap(listed)
        .map((node) => KustomizedResource.of(node));
    this.#missing(path);
    return [];
  }

  async #inside(
    file: SourceFile,
    path: YamlNode,
    inherited: readonly KustomizedResource[],
  ): Promise<readonly KustomizedResource[]> {
    if (this.#folders.includes(file.folder)) {
      throw bad(path, `leads to a kustomization that uses this one: ${path.text ?? ''}`);
    }
    this.#builds += 1;
    if (this.#builds > maxBuilds) throw bad(path, `has more than ${maxBuilds} kustomizations built`);
    this.#folders.push(file.folder);
    const built = await this.#build(file, inherited);
    this.#folders.pop();
    return built;
  }

  async #kustomizationAt({ text = '', file }: YamlNode): Promise<SourceFile | undefined> {
    for (const name of kustomizationNames) {
      const found = await this.#context.read(`${text}/${name}`, file);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #read(path: YamlNode): Promise<SourceFile | undefined> {
    const { text = '', file } = path;
    if (text === '') return undefined;
    try {
      return await this.#context.read(text, file);
    } catch (error) {
      if (!(error instanceof BadFile)) throw error;
      throw bad(path, `names ${text}, which ${error.message}`, error);
    }
  }

  async #fields(root: YamlNode): Promise<readonly ImageFieldSpec[]> {
    const specs: ImageFieldSpec[] = [];
    for (const path of root.itemsAt('configurations')) {
      const file = await this.#read(path);
      if (file === undefined) this.#missing(path);
      else specs.push(...imageFieldSpecs(readYaml(file)[0]));
    }
    return specs;
  }

  #missing(path: YamlNode): void {
    const { text = '', file, line } = path;
    if (isRemote(text)) this.#unresolved(path, 'it is on another host');
    else this.#findings.of(file).addProblem(line, `there is no ${text} that kustomize could build`);
  }

  #unresolved(node: YamlNode, problem: string): void {
    const text = node.text ?? (node.file.text.split('\n')[node.line - 1] ?? '').trim();
    this.#findings
      .of(node.file)
      .addUnresolved({ line: node.line, text, problem, advice: buildAdvice(this.#file) });
  }
}

function bad({ file, line }: YamlNode, message: string, cause?: unknown): BadFile {
  return new BadFile({ file: file.path, line, message }, { cause });
}

/** The elements of a list of resources. */
function listed(node: YamlNode): readonly YamlNode[] {
  const isList = node.textAt('kind')?.endsWith('List') === true && node.at('items')?.isSequence === true;
  return isList ? node.itemsAt('items').flatMap(listed) : [node];
}

/** Whether a resource is for tools on this machine only, and not for a cluster. */
function isLocal({ node }: KustomizedResource): boolean {
  return node.textAt('metadata', 'annotations', 'config.kubernetes.io/local-config') === 'true';
}

/** A resource with the names, labels and annotations that a kustomization gives to all of its resources. */
function renamed(resource: KustomizedResource, root: YamlNode): KustomizedResource {
  const name = `${root.textAt('namePrefix') ?? ''}${resource.node.textAt('metadata', 'name') ?? ''}${root.textAt('nameSuffix') ?? ''}`;
  const namespace = root.at('namespace');
  const labels = [root.at('commonLabels'), ...root.itemsAt('labels').map((label) => label.at('pairs'))];
  return resource.withMetadata((metadata) => {
    const named = metadata.withEntry('name', (metadata.at('name') ?? metadata).with(name));
    const placed = namespace?.text === undefined ? named : named.withEntry('namespace', namespace);
    return withAll(withAll(placed, 'labels', labels), 'annotations', [root.at('commonAnnotations')]);
  });
}

function withAll(metadata: YamlNode, key: string, added: readonly (YamlNode | undefined)[]): YamlNode {
  const entries = added.flatMap((node) => [...(node?.entries ?? [])]);
  if (entries.length === 0) return metadata;
  const before = metadata.at(key);
  return metadata.withEntry(
    key,
    (before ?? metadata).with(new Map([...(before?.entries ?? []), ...entries])),
  );
}
