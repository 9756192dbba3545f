import { basename, resolve } from 'node:path';
import type { Found } from '../found-image.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import type { Environment } from './environment.ts';
import { Merger } from './merge.ts';
import { ModelLoader } from './model-loader.ts';
import { Reports } from './reports.ts';
import { Scopes } from './scope.ts';
import { ServiceSearch } from './service-search.ts';

export interface ComposeProjectDeps {
  /** At least one; each is laid over those before it. */
  readonly files: readonly SourceFile[];
  readonly environment: Environment;
  readonly context: ParseContext;
  /** Those that are meant, with those that they need; none: all that are enabled. */
  readonly services: readonly string[];
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
    const { files, context, services } = this.#deps;
    const folder = files[0]?.folder ?? '.';
    const scope = { environment: this.#environment, folder };
    const scoped = files.map((file) => this.#scopes.add(file, scope));
    const deps = { context, scopes: this.#scopes, reports: this.#reports, merger: new Merger() };
    const loader = new ModelLoader(deps);
    this.#variables.set('COMPOSE_PROJECT_NAME', this.#name(loader.projectNames(scoped), folder));
    const model = await loader.load(scoped);
    await new ServiceSearch({ ...deps, environment: this.#environment, model, wanted: services }).run();
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
