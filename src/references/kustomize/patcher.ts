import type { SourceFile } from '../source-file.ts';
import { readYaml } from '../yaml/read-yaml.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { applyJsonPatch, PatchError } from './json-patch.ts';
import type { PatchEntry } from './kustomization.ts';
import type { KustomizedResource } from './resource.ts';
import { strategicMerge } from './strategic-merge.ts';

interface PatcherDeps {
  /** Reads the file at a path; undefined where there is none. */
  read(path: YamlNode): Promise<SourceFile | undefined>;
  /** Told of an entry that cannot be carried out. */
  unresolved(node: YamlNode, problem: string): void;
}

/** Carries out the patches of kustomizations. */
export class Patcher {
  readonly #deps: PatcherDeps;

  constructor(deps: PatcherDeps) {
    this.#deps = deps;
  }

  async apply(
    entries: readonly PatchEntry[],
    resources: readonly KustomizedResource[],
  ): Promise<readonly KustomizedResource[]> {
    let patched = resources;
    for (const entry of entries) {
      const documents = await this.#documents(entry);
      try {
        patched = documents.reduce((before, document) => applyOne(before, document, entry.target), patched);
      } catch (error) {
        if (!(error instanceof PatchError)) throw error;
        this.#deps.unresolved(entry.node, `the patch ${error.message}`);
      }
    }
    return patched;
  }

  async #documents({ content, node }: PatchEntry): Promise<readonly YamlNode[]> {
    if ('text' in content) return inline(content.text);
    const file = await this.#deps.read(content.path);
    if (file !== undefined) return readYaml(file);
    this.#deps.unresolved(node, 'its file is not there');
    return [];
  }
}

/** The documents of a patch that stands in the kustomization itself, with its lines. */
function inline({ text = '', file, line }: YamlNode): readonly YamlNode[] {
  return readYaml(file, { text, line });
}

function applyOne(
  resources: readonly KustomizedResource[],
  patch: YamlNode,
  target: YamlNode | undefined,
): readonly KustomizedResource[] {
  const isFor = (resource: KustomizedResource): boolean =>
    target === undefined ? resource.isMeantBy(patch) : resource.fits(target);
  const found = resources.filter(isFor);
  // Generated ones are not among the resources, and have no images.
  if (
    found.length === 0 &&
    target === undefined &&
    !/^(?:ConfigMap|Secret)$/u.test(patch.textAt('kind') ?? '')
  ) {
    throw new PatchError('is for a resource that is not there');
  }
  return resources.flatMap((resource) => {
    if (!found.includes(resource)) return [resource];
    const node = patch.isSequence
      ? applyJsonPatch(resource.node, patch.items)
      : strategicMerge(resource.node, withoutIdentity(patch), resource.hasSchema);
    return node === undefined ? [] : [resource.with(node)];
  });
}

/** A patch does not rename what it is for, even where a target selects something else than it says. */
function withoutIdentity(patch: YamlNode): YamlNode {
  const metadata = patch.at('metadata')?.withEntry('name', undefined).withEntry('namespace', undefined);
  return patch
    .withEntry('apiVersion', undefined)
    .withEntry('kind', undefined)
    .withEntry('metadata', metadata);
}
