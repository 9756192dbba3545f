import type { YamlNode } from '../yaml/yaml-node.ts';
import { entry, listed, named } from './merge.ts';
import type { Reports } from './reports.ts';

/** Namespaces that a service can share with another one, which then is started, too. */
const namespaces = ['network_mode', 'ipc', 'pid', 'uts', 'cgroup'];

/** A service that another one needs, and where it says so. */
export interface Dependency {
  readonly name: string;
  readonly node: YamlNode;
  /** Whether it is not started without it. */
  readonly isRequired: boolean;
}

/** A service, or a job, with all that files say of it. */
export class Service {
  /** `service web` or `job migrate`. */
  readonly title: string;
  readonly name: string;
  readonly node: YamlNode;
  readonly #reports: Reports;
  readonly #texts = new Map<string, string | undefined>();
  #profiles: readonly string[] | undefined;

  constructor(title: string, { name, node, reports }: { name: string; node: YamlNode; reports: Reports }) {
    this.title = title;
    this.name = name;
    this.node = node;
    this.#reports = reports;
  }

  /** An attribute that says something. */
  at(key: string): YamlNode | undefined {
    return entry(this.node, key);
  }

  /**
   * The text of an attribute; undefined where it says nothing, or nothing that can be told: that is
   * reported once.
   */
  text(key: string): string | undefined {
    const node = this.at(key);
    if (!this.#texts.has(key))
      this.#texts.set(key, node === undefined ? undefined : this.#reports.text(node));
    return this.#texts.get(key);
  }

  /** The profiles with which it counts; none: always. */
  get profiles(): readonly string[] {
    this.#profiles ??= listed(this.at('profiles')).flatMap((item) => this.#reports.text(item) ?? []);
    return this.#profiles;
  }

  /** The services that are started before it. */
  get dependencies(): readonly Dependency[] {
    const found: Dependency[] = [];
    const dependsOn = this.at('depends_on');
    for (const [name, node] of dependsOn === undefined ? [] : named(dependsOn).entries) {
      found.push({ name, node, isRequired: node.textAt('required') !== 'false' });
    }
    const add = (node: YamlNode, pattern: RegExp): void => {
      const name = pattern.exec(node.text ?? '')?.[1];
      if (name !== undefined) found.push({ name, node, isRequired: true });
    };
    for (const node of listed(this.at('links'))) add(node, /^([^:]+)(?::[^:]*)?$/u);
    for (const node of listed(this.at('volumes_from'))) add(node, /^(?!container:)([^:]+)/u);
    for (const key of namespaces) for (const node of listed(this.at(key))) add(node, /^service:(.+)$/u);
    return found;
  }

  /**
   * The sources of volumes that are images. A later volume at the same place is in an earlier one's stead.
   */
  get imageVolumes(): readonly YamlNode[] {
    const byTarget = new Map<string, YamlNode | undefined>();
    for (const volume of listed(this.at('volumes'))) {
      if (volume.isMapping) {
        const target = entry(volume, 'target');
        const isImage = volume.textAt('type') === 'image';
        byTarget.set(target?.text ?? '', isImage ? entry(volume, 'source') : undefined);
      } else {
        // A drive letter of Windows is no part of its own.
        const [, source = '', target] =
          /^([A-Za-z]:(?=[\\/])[^:]*|[^:]*)(?::([^:]*))?/u.exec(volume.text ?? '') ?? [];
        byTarget.set(target ?? source, undefined);
      }
    }
    return [...byTarget.values()].filter((source) => source !== undefined);
  }
}
