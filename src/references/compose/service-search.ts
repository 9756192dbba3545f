import type { ParseContext } from '../parse-context.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { activeServices } from './active-services.ts';
import { BuildSearch } from './build-search.ts';
import type { Environment } from './environment.ts';
import { entry, isReset, listed, named } from './merge.ts';
import type { Model } from './model-loader.ts';
import { refuse, type Reports } from './reports.ts';
import type { Scopes } from './scope.ts';
import { Service } from './service.ts';

interface ServiceSearchDeps {
  readonly context: ParseContext;
  readonly scopes: Scopes;
  readonly reports: Reports;
  readonly environment: Environment;
  readonly model: Model;
  /** Services that are meant, with those that they need; none: all. */
  readonly wanted: readonly string[];
}

/** Finds the images of the services that count. */
export class ServiceSearch {
  readonly #deps: ServiceSearchDeps;
  readonly #services: ReadonlyMap<string, Service>;
  readonly #jobs: ReadonlyMap<string, Service>;
  readonly #builds: BuildSearch;

  constructor(deps: ServiceSearchDeps) {
    this.#deps = deps;
    this.#services = this.#read('service', deps.model.services);
    this.#jobs = this.#read('job', deps.model.jobs);
    this.#builds = new BuildSearch({ ...deps, services: this.#services });
  }

  /** @throws {BadFile} */
  async run(): Promise<void> {
    const active = activeServices({ ...this.#deps, services: this.#services, jobs: this.#jobs });
    const built = this.#builtImages(active);
    for (const service of active) {
      this.#checkDependencies(service, active);
      this.#findImage(service, built);
      this.#findOthers(service);
      await this.#builds.find(service, this.#platformOf(service));
    }
  }

  #read(what: string, nodes: ReadonlyMap<string, YamlNode>): ReadonlyMap<string, Service> {
    const { reports } = this.#deps;
    const there = [...nodes].filter(([, node]) => !isReset(node));
    const services = there.map(([name, node]) => {
      if (!/^[\w.-]+$/u.test(name)) {
        refuse(node, `"${name}" is no name of a ${what}: letters, digits, ".", "_" and "-"`);
      }
      if (!node.isMapping) refuse(node, `${what} ${name} must be a mapping`);
      return [name, new Service(`${what} ${name}`, { name, node, reports })] as const;
    });
    return new Map(services);
  }

  /** A service that another one needs must be enabled, too: Compose starts none of them. */
  #checkDependencies(service: Service, active: ReadonlySet<Service>): void {
    for (const { name, node, isRequired } of service.dependencies) {
      const needed = this.#services.get(name) ?? this.#jobs.get(name);
      if (!isRequired || needed === undefined || active.has(needed)) continue;
      const [profile = ''] = needed.profiles;
      this.#deps.reports.in(node.file).addUnresolved({
        line: node.line,
        text: name,
        problem: `${service.title} needs ${needed.title}, which is not enabled`,
        advice: `--profile ${profile}`,
      });
    }
  }

  /** The images that are built by some service: another one may use them, too. */
  #builtImages(services: ReadonlySet<Service>): ReadonlySet<string> {
    const { scopes, context } = this.#deps;
    const building = [...services].filter((service) => context.build && service.at('build') !== undefined);
    return new Set(building.flatMap((service) => scopes.text(service.at('image')) ?? []));
  }

  #findImage(service: Service, built: ReadonlySet<string>): void {
    const { reports, scopes } = this.#deps;
    const image = service.at('image');
    const isBuilt = service.at('build') !== undefined;
    const text = scopes.text(image);
    if (image === undefined || (text === '' && isBuilt)) {
      if (isBuilt || service.at('provider') !== undefined) return;
      refuse(service.node, `${service.title} has neither "image" nor "build"`);
    }
    const policy = service.text('pull_policy');
    if (policy === 'never' || policy === 'build') {
      if (!isBuilt)
        reports.note(image, `${service.title} has pull_policy ${policy}: Compose does not pull its image`);
      return;
    }
    const optional = text !== undefined && built.has(text) ? 'it can be built' : undefined;
    reports.image(image, { reason: service.title, platform: this.#platformOf(service), optional });
  }

  /** Images of a service besides its own. */
  #findOthers(service: Service): void {
    const { reports } = this.#deps;
    for (const source of service.imageVolumes) {
      // Compose looks for an image that it built for a service of this name once it failed to pull one.
      const optional = this.#services.has(source.text ?? '') ? 'it is a service of the same name' : undefined;
      reports.image(source, { reason: `volume of ${service.title}`, optional });
    }
    // What runs before the service has its pull policy, but cannot be built.
    const hooks = service.text('pull_policy') === 'never' ? [] : listed(service.at('pre_start'));
    for (const hook of hooks) {
      const image = entry(hook, 'image');
      if (image !== undefined) reports.image(image, { reason: `pre_start of ${service.title}` });
    }
    const models = service.at('models');
    for (const name of models === undefined ? [] : named(models).entries.keys()) this.#findModel(name);
  }

  #findModel(name: string): void {
    const { reports, model } = this.#deps;
    const node = entry(model.models.get(name), 'model');
    const text = node === undefined ? undefined : reports.text(node);
    if (node === undefined || text === undefined) return;
    if (/^(?:hf\.co|huggingface\.co)\//u.test(text)) {
      reports.note(node, `model ${name} comes from Hugging Face, which is no registry`);
      return;
    }
    // As Docker Model Runner reads it: without an organisation it is one of Docker's own.
    const own = text.includes('/') ? text : `ai/${text}`;
    reports.in(node.file).addImage(own, { line: node.line, reason: `model ${name}` });
  }

  #platformOf(service: Service): string | undefined {
    return service.text('platform') ?? this.#deps.environment.text('DOCKER_DEFAULT_PLATFORM');
  }
}
