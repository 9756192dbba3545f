import { basename, dirname, join } from 'node:path';
import type { Findings } from '../findings.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { readJsonc } from './read-jsonc.ts';

/** Where features are that once came with the tool, by the names they had there. */
const moved: Readonly<Record<string, string>> = {
  golang: 'go',
  common: 'common-utils',
  gradle: 'java',
  maven: 'java',
  jupyterlab: 'python',
};

const kept = new Set(
  `aws-cli azure-cli desktop-lite docker-in-docker docker-from-docker dotnet git git-lfs github-cli java
   kubectl-helm-minikube node powershell python ruby rust sshd terraform`.split(/\s+/u),
);

interface FeatureSearchDeps {
  readonly file: SourceFile;
  readonly context: ParseContext;
  readonly findings: Findings;
}

/**
 * Finds the features of a Dev Container that come from registries, each as an artifact of its own.
 * @see https://containers.dev/implementors/features/#referencing-a-feature
 */
export class FeatureSearch {
  readonly #deps: FeatureSearchDeps;
  readonly #seen = new Set<string>();
  #locked: YamlNode | undefined;
  #hasUnknown = false;

  constructor(deps: FeatureSearchDeps) {
    this.#deps = deps;
  }

  /** @param features the mapping of features to their options */
  async find(features: YamlNode): Promise<void> {
    const { file, context, findings } = this.#deps;
    const lock = basename(file.path).startsWith('.') ? '.devcontainer-lock.json' : 'devcontainer-lock.json';
    const lockFile = await context.read(lock, file);
    if (lockFile !== undefined && lockFile.text.trim() !== '')
      this.#locked = readJsonc(lockFile).root.at('features');
    for (const [id, node] of features.entries) await this.#feature(id, node.line, file.folder);
    // Those that the features themselves need.
    for (const [id] of this.#locked?.entries ?? []) this.#fromRegistry(id, features.line);
    if (this.#hasUnknown)
      findings.addNote(features.line, 'features that these features need are not known here');
  }

  async #feature(id: string, line: number, folder: string): Promise<void> {
    const { findings } = this.#deps;
    if (this.#seen.has(id)) return;
    if (id.startsWith('./') || id.startsWith('../')) {
      this.#seen.add(id);
      await this.#local(id, folder);
    } else if (id.startsWith('https://')) {
      findings.addNote(line, `feature ${id} comes from a web server, which is no registry`);
    } else if (id.includes('/')) this.#fromRegistry(id, line);
    else if (kept.has(id) || id in moved)
      this.#fromRegistry(`ghcr.io/devcontainers/features/${moved[id] ?? id}:1`, line);
    else findings.addProblem(line, `"${id}" is no feature: it has neither a registry nor ./ before its name`);
  }

  #fromRegistry(id: string, line: number): void {
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    const { findings } = this.#deps;
    const integrity = this.#locked?.textAt(id, 'integrity');
    const [registry = ''] = id.split('/', 1);
    if (!/[.:]/u.test(registry)) {
      findings.addNote(line, `feature ${id} comes from a release on GitHub, which is no registry`);
      return;
    }
    if (integrity === undefined) this.#hasUnknown = true;
    const name = id
      .toLowerCase()
      .replace(/@.*$/su, '')
      .replace(/:[^/]*$/u, '');
    findings.addImage(integrity === undefined ? id.toLowerCase() : `${name}@${integrity}`, {
      line,
      reason: `feature ${id}`,
    });
  }

  /** A feature in a folder beside the file; it may need others. */
  async #local(id: string, folder: string): Promise<void> {
    const { file, context } = this.#deps;
    const described = await context.read(join(id, 'devcontainer-feature.json'), { ...file, folder });
    if (described === undefined) return;
    const needed = readJsonc(described).root.at('dependsOn');
    for (const [other, node] of needed?.entries ?? [])
      await this.#feature(other, node.line, dirname(described.path));
  }
}
