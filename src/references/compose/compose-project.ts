import { basename, resolve } from 'node:path';
import type { Found } from '../found-image.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { BuildSearch } from './build-search.ts';
import type { Environment } from './environment.ts';
import { entry, isReset, listed, Merger, named } from './merge.ts';
import { ModelLoader, type Model } from './model-loader.ts';
import { refuse, Reports } from './reports.ts';
import { Scopes } from './scope.ts';
import { Service } from './service.ts';

export interface ComposeProjectDeps {
  /** At least one; each is laid over those before it. */
  readonly files: readonly SourceFile[];
  readonly environment: Environment;
  readonly context: ParseContext;
}

/** One project of Compose: what `docker compose up` would pull, and what it would build upon. */
export class ComposeProject {
  readonly #deps: ComposeProjectDeps;
  readonly #scopes = new Scopes();
  readonly #reports = new Reports(this.#scopes);
  /** What the project itself adds to the variables. */
  readonly #variables = new Map<string, string>();
  readonly #environment: Environment;

  constructor(deps: ComposeProjectDeps) {
    this.#deps = deps;
    this.#environment = deps.environment.under(this.#variables);
  }

  /** @throws {BadFile} */
  async find(): Promise<Found> {
    const { files, context } = this.#deps;
    const folder = files[0]?.folder ?? '.';
    const scope = { environment: this.#environment, folder };
    const scoped = files.map((file) => this.#scopes.add(file, scope));
    const deps = { context, scopes: this.#scopes, reports: this.#reports, merger: new Merger() };
    const loader = new ModelLoader(deps);
    this.#variables.set('COMPOSE_PROJECT_NAME', this.#name(loader.projectNames(scoped), folder));
    await new ServiceSearch({
      ...deps,
      environment: this.#environment,
      model: await loader.load(scoped),
    }).run();
    return this.#reports.found();
  }

  /** What Compose calls the project: containers and images that it builds are called after it. */
  #name(names: readonly YamlNode[], folder: string): string {
    const given = this.#environment.text('COMPOSE_PROJECT_NAME') ?? '';
    const written = given === '' ? this.#scopes.text(names.at(-1)) : given;
    const name = written === undefined || written === '' ? basename(resolve(folder)) : written;
    return name
      .toLowerCase()
      .replaceAll(/[^a-z0-9_-]/gu, '')
      .replace(/^[_-]+/u, '');
  }
}

interface ServiceSearchDeps {
  readonly context: ParseContext;
  readonly scopes: Scopes;
  readonly reports: Reports;
  readonly environment: Environment;
  readonly model: Model;
}

/** Finds the images of the services that count. */
class ServiceSearch {
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

  async run(): Promise<void> {
    const active = [...this.#services.values(), ...this.#jobs.values()].filter((service) =>
      this.#isActive(service),
    );
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
      if (!/^[\w.-]+$/u.test(name))
        refuse(node, `"${name}" is no name of a ${what}: letters, digits, ".", "_" and "-"`);
      if (!node.isMapping) refuse(node, `${what} ${name} must be a mapping`);
      return [name, new Service(`${what} ${name}`, { name, node, reports })] as const;
    });
    return new Map(services);
  }

  #isActive({ profiles }: Service): boolean {
    const { context, environment } = this.#deps;
    const given = environment.text('COMPOSE_PROFILES') ?? '';
    const active = context.profiles.length > 0 ? context.profiles : given.split(',').map((one) => one.trim());
    return profiles.length === 0 || active.includes('*') || profiles.some((one) => active.includes(one));
  }

  /** A service that another one needs must be enabled, too: Compose starts none of them. */
  #checkDependencies(service: Service, active: readonly Service[]): void {
    for (const { name, node } of service.dependencies) {
      const needed = this.#services.get(name) ?? this.#jobs.get(name);
      if (needed === undefined || active.includes(needed)) continue;
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
  #builtImages(services: readonly Service[]): ReadonlySet<string> {
    const { scopes, context } = this.#deps;
    if (!context.build) return new Set();
    return new Set(
      services
        .filter((one) => one.at('build') !== undefined)
        .flatMap((one) => scopes.text(one.at('image')) ?? []),
    );
  }

  #findImage(service: Service, built: ReadonlySet<string>): void {
    const { reports, scopes } = this.#deps;
    const image = service.at('image');
    const isBuilt = service.at('build') !== undefined;
    const text = scopes.text(image);
    if (image === undefined || (text === '' && isBuilt)) {
      if (!isBuilt && service.at('provider') === undefined)
        refuse(service.node, `${service.title} has neither "image" nor "build"`);
      return;
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
    for (const source of service.imageVolumes)
      reports.image(source, { reason: `volume of ${service.title}` });
    // What runs before the service has its pull policy, but cannot be built.
    const policy = service.text('pull_policy');
    for (const hook of policy === 'never' ? [] : listed(service.at('pre_start'))) {
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
