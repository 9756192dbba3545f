import { findInDockerfile, type DockerfileBuild } from '../dockerfile/find-in-dockerfile.ts';
import type { Found, FoundImage } from '../found-image.ts';
import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { entry, keyed } from './merge.ts';
import type { Reports } from './reports.ts';
import type { Scopes } from './scope.ts';

/** What no Dockerfile says: it shows what an argument is used for. */
const probe = 'entrepot-build-argument';

interface BuildArgsDeps {
  readonly scopes: Scopes;
  readonly reports: Reports;
  /** What is given on the command line comes first. */
  readonly given: ReadonlyMap<string, string>;
}

/**
 * The arguments of a build, of which many have nothing to do with images: only those that have need a
 * value.
 */
export class BuildArgs {
  readonly #reports: Reports;
  readonly #values = new Map<string, string>();
  /** Those with a variable that is not set, or that cannot be computed. */
  readonly #doubtful = new Map<string, YamlNode>();
  #hasProblem = false;

  constructor(build: YamlNode, { scopes, reports, given }: BuildArgsDeps) {
    this.#reports = reports;
    const node = entry(build, 'args');
    for (const [name, value] of node === undefined ? [] : keyed(node).entries) {
      if (value.value === null) this.#set(name, scopes.of(value.file).environment.text(name));
      else if (!given.has(name)) this.#read(name, value, scopes);
    }
    for (const [name, value] of given) this.#set(name, value);
  }

  /**
   * What a Dockerfile needs with these arguments; one that cannot be told, and an image depends on, is
   * reported.
   */
  find(file: SourceFile, build: Omit<DockerfileBuild, 'buildArgs'>): Found {
    const found = findInDockerfile(file, { ...build, buildArgs: this.#values });
    if (this.#doubtful.size === 0) return found;
    const probes = [...this.#doubtful.keys()].map((name) => [name, probe] as const);
    const probed = findInDockerfile(file, { ...build, buildArgs: new Map([...this.#values, ...probes]) });
    const others = new Set(probed.images.map(imageKey));
    const certain = found.images.filter((image) => others.has(imageKey(image)));
    if (certain.length === found.images.length && certain.length === probed.images.length) return found;
    for (const [name, node] of this.#doubtful) {
      if (new RegExp(`\\$\\{?${name}\\b`, 'u').test(file.text)) this.#reports.text(node);
    }
    return this.#hasProblem ? { ...found, images: certain } : found;
  }

  #read(name: string, node: YamlNode, scopes: Scopes): void {
    const result = scopes.substitute(node);
    if (result === undefined) return;
    if ('text' in result) this.#set(name, result.text);
    else this.#hasProblem = true;
    if (!('text' in result) || result.unset.length > 0) this.#doubtful.set(name, node);
  }

  #set(name: string, value: string | undefined): void {
    if (value !== undefined) this.#values.set(name, value);
  }
}

function imageKey(image: FoundImage): string {
  return JSON.stringify(image);
}
