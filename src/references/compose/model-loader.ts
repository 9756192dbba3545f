import { dirname } from 'node:path';
import { getOrMake } from '../../base/get-or-make.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { YamlNode } from '../yaml/yaml-node.ts';
import { isRemote, pathIn, readDocuments } from './documents.ts';
import type { Environment } from './environment.ts';
import { ExtendedServices } from './extended-services.ts';
import { buildMapping, entry, isReset, listed, picked, type Merger } from './merge.ts';
import { refuse, type Reports } from './reports.ts';
import type { Scopes } from './scope.ts';

/** What one or several Compose files say together, by name. */
export interface Model {
  readonly services: ReadonlyMap<string, YamlNode>;
  readonly jobs: ReadonlyMap<string, YamlNode>;
  readonly models: ReadonlyMap<string, YamlNode>;
}

export interface ModelLoaderDeps {
  readonly context: ParseContext;
  readonly scopes: Scopes;
  readonly reports: Reports;
  readonly merger: Merger;
}

/** Files of a project, all includes counted; more are a tree of includes that grows with each level. */
const maxFiles = 1000;

const nothing: Model = { services: new Map(), jobs: new Map(), models: new Map() };

/** Reads Compose files with all that they include and extend. */
export class ModelLoader {
  readonly #deps: ModelLoaderDeps;
  readonly #documents = new Map<SourceFile, readonly YamlNode[]>();

  constructor(deps: ModelLoaderDeps) {
    this.#deps = deps;
  }

  /** What the files call their project, where they do. */
  projectNames(files: readonly SourceFile[]): readonly YamlNode[] {
    return files.flatMap((file) => this.#read(file).flatMap((document) => entry(document, 'name') ?? []));
  }

  /**
   * Files laid over each other, each in its scope.
   * @param includedBy paths of the files that lead to them
   * @throws {BadFile}
   */
  async load(files: readonly SourceFile[], includedBy: readonly string[] = []): Promise<Model> {
    let model = nothing;
    for (const file of files) {
      for (const document of this.#read(file)) {
        model = this.#merge(model, await this.#document(document, [...includedBy, file.path]));
      }
    }
    const [first] = files;
    return first === undefined ? model : { ...model, services: withContexts(model.services, first) };
  }

  #read(file: SourceFile): readonly YamlNode[] {
    return getOrMake(this.#documents, file, () => {
      const documents = readDocuments(file);
      const [first] = documents;
      if (first !== undefined && this.#documents.size >= maxFiles)
        refuse(first, `is one of more than ${maxFiles} files`);
      return documents;
    });
  }

  /** One document with what it includes and extends. */
  async #document(document: YamlNode, includedBy: readonly string[]): Promise<Model> {
    let included = nothing;
    // Of what several included files say the first has the last word.
    const include = entry(document, 'include');
    if (include?.isSequence === false) refuse(include, 'include must be a list');
    for (const item of include?.items ?? []) {
      included = this.#merge(await this.#include(item, includedBy), included);
    }
    const model = this.#merge(included, own(document));
    const extend = async (nodes: ReadonlyMap<string, YamlNode>): Promise<ReadonlyMap<string, YamlNode>> =>
      await new ExtendedServices({ ...this.#deps, file: document.file, nodes }).all();
    return { ...model, services: await extend(model.services), jobs: await extend(model.jobs) };
  }

  async #include(item: YamlNode, includedBy: readonly string[]): Promise<Model> {
    const { context, scopes, reports } = this.#deps;
    const node = item.isMapping ? entry(item, 'path') : item;
    if (node === undefined) refuse(item, 'includes nothing: "path" is missing');
    const paths = this.#texts(node);
    const files: SourceFile[] = [];
    for (const path of paths) {
      if (isRemote(path)) {
        reports.unresolved(node, { problem: 'what it includes is not on this machine', advice: undefined });
        return nothing;
      }
      const file = await context.read(path, node.file);
      if (file === undefined) refuse(node, `includes ${path}, which does not exist`);
      if (includedBy.includes(file.path)) {
        refuse(node, `includes itself: ${[...includedBy, file.path].join(' includes ')}`);
      }
      files.push(file);
    }
    if (files.length === 0) return nothing;
    const directory = scopes.text(entry(item, 'project_directory')) ?? dirname(paths[0] ?? '');
    const folder = pathIn(node.file.folder, directory);
    const scope = { folder, environment: await this.#environmentOf(item, folder) };
    return await this.load(
      files.map((file) => scopes.add(file, scope)),
      includedBy,
    );
  }

  /**
   * The variables that an included file is read with: those around it come before those of its own env
   * files.
   */
  async #environmentOf(item: YamlNode, folder: string): Promise<Environment> {
    const { context, scopes } = this.#deps;
    const outer = scopes.of(item.file).environment;
    const node = entry(item, 'env_file');
    if (node === undefined) {
      const beside = await context.read('.env', { ...item.file, folder });
      return beside === undefined ? outer : outer.withFiles([beside]);
    }
    const files: SourceFile[] = [];
    for (const path of this.#texts(node)) {
      if (path === '/dev/null') continue;
      const file = await context.read(path, node.file);
      if (file === undefined) refuse(node, `takes variables from ${path}, which does not exist`);
      files.push(file);
    }
    return outer.withFiles(files);
  }

  /** The texts of a list, or of one alone; none, and reported, where one cannot be told. */
  #texts(node: YamlNode): readonly string[] {
    const items = listed(node);
    const texts = items.flatMap((item) => this.#deps.reports.text(item) ?? []);
    return texts.length === items.length ? texts : [];
  }

  #merge(base: Model, over: Model): Model {
    const { merger } = this.#deps;
    return {
      services: merger.named(base.services, over.services),
      jobs: merger.named(base.jobs, over.jobs),
      models: merger.named(base.models, over.models),
    };
  }
}

function own(document: YamlNode): Model {
  const section = (key: string): ReadonlyMap<string, YamlNode> => {
    const node = document.at(key);
    if (node?.isMapping === false && !isReset(node)) refuse(node, `${key} must be a mapping of names`);
    return new Map([...(node?.entries ?? [])].map(([name, value]) => [name, picked(value)]));
  };
  return {
    services: section('services'),
    jobs: section('jobs'),
    models: document.at('models')?.entries ?? new Map(),
  };
}

/** A build that names no folder has that of the project, wherever the service goes from here. */
function withContexts(
  services: ReadonlyMap<string, YamlNode>,
  file: SourceFile,
): ReadonlyMap<string, YamlNode> {
  return new Map(
    [...services].map(([name, service]) => {
      const build = entry(service, 'build');
      if (build === undefined) return [name, service];
      const mapping = buildMapping(build);
      if (mapping.at('context') !== undefined) return [name, service];
      const context = new YamlNode('.', { file, line: build.line });
      const complete = mapping.with(new Map([...mapping.entries, ['context', context]]));
      return [name, service.with(new Map([...service.entries, ['build', complete]]))];
    }),
  );
}
