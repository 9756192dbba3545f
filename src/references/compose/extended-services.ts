import { dirname } from 'node:path';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { isRemote, pathIn, readDocuments } from './documents.ts';
import { entry, isReset, picked, type Merger } from './merge.ts';
import { readPart } from './project-files.ts';
import { refuse, type Reports } from './reports.ts';
import type { Scopes } from './scope.ts';

export interface ExtendedServicesDeps {
  readonly context: ParseContext;
  readonly scopes: Scopes;
  readonly reports: Reports;
  readonly merger: Merger;
  /** Where the services stand. */
  readonly file: SourceFile;
  readonly nodes: ReadonlyMap<string, YamlNode>;
}

/** Services of a file, or another file that they extend. */
interface Services {
  readonly file: SourceFile;
  readonly nodes: ReadonlyMap<string, YamlNode>;
  /** Those that are complete. */
  readonly extended: Map<string, YamlNode>;
}

/** Services that extend one another; far more than anybody writes, and far from the end of the stack. */
const maxChain = 200;

/** The services of a file, each laid over those that it extends. */
export class ExtendedServices {
  readonly #deps: ExtendedServicesDeps;
  readonly #services: Services;
  readonly #otherFiles = new Map<string, Services>();

  constructor(deps: ExtendedServicesDeps) {
    this.#deps = deps;
    this.#services = { file: deps.file, nodes: deps.nodes, extended: new Map() };
  }

  /** @throws {BadFile} */
  async all(): Promise<ReadonlyMap<string, YamlNode>> {
    const all = new Map<string, YamlNode>();
    for (const [name, node] of this.#services.nodes) {
      all.set(
        name,
        node.at('extends') === undefined ? node : await this.#extended(name, node, this.#services, []),
      );
    }
    return all;
  }

  async #extended(
    name: string,
    node: YamlNode,
    services: Services,
    chain: readonly string[],
  ): Promise<YamlNode> {
    const known = services.extended.get(name);
    if (known !== undefined) return known;
    const own = node.with(new Map([...node.entries].filter(([key]) => key !== 'extends')));
    const base = await this.#base(node, services, [...chain, linkText(name, services)]);
    const extended = base === undefined ? own : this.#deps.merger.service(base, own);
    services.extended.set(name, extended);
    return extended;
  }

  /** What a service extends; undefined if it extends none, or one that is not at hand. */
  async #base(node: YamlNode, services: Services, chain: readonly string[]): Promise<YamlNode | undefined> {
    const extend = node.at('extends');
    if (extend === undefined || isReset(extend)) return undefined;
    const service = extend.isMapping ? entry(extend, 'service') : extend;
    if (service === undefined || service.value === null)
      refuse(extend, 'extends nothing: "service" is missing');
    const name = this.#deps.reports.text(service);
    const source = await this.#source(extend, services);
    if (name === undefined || source === undefined) return undefined;
    const link = linkText(name, source);
    if (chain.includes(link)) refuse(extend, `extends itself: ${[...chain, link].join(' extends ')}`);
    if (chain.length > maxChain)
      refuse(extend, `is the end of more than ${maxChain} services that extend one another`);
    const base = source.nodes.get(name) ?? refuse(extend, `extends ${link}, which does not exist`);
    return await this.#extended(name, base, source, chain);
  }

  /** Where the base is; undefined, and reported, if that is not on this machine. */
  async #source(extend: YamlNode, services: Services): Promise<Services | undefined> {
    const { context, scopes, reports } = this.#deps;
    const node = entry(extend, 'file');
    if (node === undefined) return services;
    const path = reports.text(node);
    if (path === undefined) return undefined;
    if (isRemote(path)) {
      reports.unresolved(node, { problem: 'what it extends is not on this machine', advice: undefined });
      return undefined;
    }
    const file = await readPart(path, node.file, context);
    if (file === undefined) refuse(node, `extends a service of ${path}, which does not exist`);
    const known = this.#otherFiles.get(file.path);
    if (known !== undefined) return known;
    const { environment } = scopes.of(node.file);
    const scoped = scopes.add(file, { environment, folder: pathIn(node.file.folder, dirname(path)) });
    const read = { file: scoped, nodes: this.#servicesOf(scoped), extended: new Map<string, YamlNode>() };
    this.#otherFiles.set(file.path, read);
    return read;
  }

  /** What a file itself says of services: what it includes does not count there. */
  #servicesOf(file: SourceFile): ReadonlyMap<string, YamlNode> {
    let services: ReadonlyMap<string, YamlNode> = new Map();
    for (const document of readDocuments(file)) {
      const own = [...(entry(document, 'services')?.entries ?? [])].map(
        ([name, node]) => [name, picked(node)] as const,
      );
      services = this.#deps.merger.named(services, new Map(own));
    }
    return services;
  }
}

function linkText(name: string, { file }: Services): string {
  return `service ${name} of ${file.path}`;
}
