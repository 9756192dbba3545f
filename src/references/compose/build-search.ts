import type { Platform } from '../../oci/platform.ts';
import type { ParseContext } from '../parse-context.ts';
import { statedPlatform } from '../stated-platform.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { BuildArgs } from './build-args.ts';
import { locateDockerfile } from './located-dockerfile.ts';
import { buildMapping, entry, keyed, listed } from './merge.ts';
import { refuse, type Reports } from './reports.ts';
import type { Scopes } from './scope.ts';
import type { Service } from './service.ts';

export interface BuildSearchDeps {
  readonly context: ParseContext;
  readonly scopes: Scopes;
  readonly reports: Reports;
  readonly services: ReadonlyMap<string, Service>;
}

/** What makes the SBOM of an image that is built, where none is named. */
const defaultScanner = 'docker/buildkit-syft-scanner:stable-1';

/** Finds the images that builds of services begin with. */
export class BuildSearch {
  readonly #deps: BuildSearchDeps;
  readonly #done = new Set<Service>();

  constructor(deps: BuildSearchDeps) {
    this.#deps = deps;
  }

  /**
   * The images that a service is built upon, and those of services that are built for it.
   * @param platform the only one that the service is for
   * @throws {BadFile}
   */
  async find(service: Service, platform: string | undefined): Promise<void> {
    const { context, scopes, reports } = this.#deps;
    const node = service.at('build');
    if (node === undefined || !context.build || this.#done.has(service)) return;
    this.#done.add(service);
    const build = buildMapping(node);
    this.#findScanner(service, build);
    const contexts = await this.#contexts(build, platform);
    const dockerfile = await locateDockerfile(service, build, this.#deps);
    if (dockerfile === undefined) return;
    const target = this.#text(build, 'target');
    const stated = this.#platforms(build, platform);
    const found = new BuildArgs(build, { scopes, reports, given: context.buildArgs }).find(dockerfile.file, {
      target: target === '' ? undefined : target,
      platforms: context.platforms,
      targetPlatforms: stated.length > 0 ? stated : undefined,
      contexts,
    });
    reports.addAll(dockerfile.placed(found));
  }

  /** What stands in place of images; another service there is built first, whether it is enabled or not. */
  async #contexts(build: YamlNode, platform: string | undefined): Promise<ReadonlyMap<string, string>> {
    const { services, reports } = this.#deps;
    const node = entry(build, 'additional_contexts');
    const contexts = new Map<string, string>();
    for (const [name, value] of node === undefined ? [] : keyed(node).entries) {
      const text = reports.text(value);
      if (text === undefined) continue;
      contexts.set(name, text);
      const other = text.startsWith('service:') ? services.get(text.slice('service:'.length)) : undefined;
      if (other !== undefined) await this.find(other, platform);
    }
    return contexts;
  }

  /** What it is built for; none: what is asked for. */
  #platforms(build: YamlNode, platform: string | undefined): readonly Platform[] {
    const nodes = listed(entry(build, 'platforms'));
    if (nodes.length === 0)
      return [platform === undefined ? undefined : statedPlatform(platform)].filter(
        (one) => one !== undefined,
      );
    return nodes.flatMap((node) => {
      const text = this.#deps.reports.text(node);
      if (text === undefined) return [];
      return (
        statedPlatform(text) ??
        refuse(node, `"${text}" is no platform: write it as linux/amd64 or linux/arm/v7`)
      );
    });
  }

  #findScanner(service: Service, build: YamlNode): void {
    const { reports } = this.#deps;
    const node = entry(build, 'sbom');
    const text = this.#text(build, 'sbom');
    if (node === undefined || text === undefined || text === 'false' || text === '') return;
    const [, generator] = /(?:^|,)generator=([^,]+)/u.exec(text) ?? [];
    reports
      .in(node.file)
      .addImage(generator ?? defaultScanner, { line: node.line, reason: `sbom of ${service.title}` });
  }

  #text(build: YamlNode, key: string): string | undefined {
    const node = entry(build, key);
    return node === undefined ? undefined : this.#deps.reports.text(node);
  }
}
