import { podLists } from '../kubernetes/pods.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { PatchError } from './json-patch.ts';

/** Lists whose elements are merged by name, where kustomize has a schema for the resource. Others have no images below. */
const mergedLists: ReadonlySet<string> = new Set([...podLists, 'volumes']);

/**
 * A node with a strategic merge patch laid over it; undefined if the patch removes it.
 * @param hasSchema whether the resource is of Kubernetes itself: lists of others are replaced
 * @throws {PatchError}
 * @see https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
export function strategicMerge(
  target: YamlNode | undefined,
  patch: YamlNode,
  hasSchema: boolean,
): YamlNode | undefined {
  if (patch.value === null) return undefined;
  if (!patch.isMapping) return patch;
  const directive = patch.textAt('$patch');
  if (directive === 'delete') return undefined;
  const isMerged = target?.isMapping === true && directive !== 'replace';
  let merged = isMerged ? target : patch.with(new Map());
  for (const [key, value] of patch.entries) {
    if (key.startsWith('$')) continue;
    const before = merged.at(key);
    const isList = value.isSequence && hasSchema && mergedLists.has(key);
    const after = isList ? mergeList(before, value) : strategicMerge(before, value, hasSchema);
    merged = merged.withEntry(key, after);
  }
  return merged;
}

function mergeList(target: YamlNode | undefined, patch: YamlNode): YamlNode {
  const isReplaced = patch.items.some(
    (item) => item.textAt('$patch') === 'replace' && item.entries.size === 1,
  );
  const elements = new Map<string, YamlNode>();
  for (const element of isReplaced ? [] : (target?.items ?? [])) elements.set(nameOf(element), element);
  for (const element of patch.items) {
    if (element.textAt('$patch') === 'replace' && element.entries.size === 1) continue;
    const name = nameOf(element);
    const merged = strategicMerge(elements.get(name), element, true);
    if (merged === undefined) elements.delete(name);
    else elements.set(name, merged);
  }
  return (target ?? patch).with([...elements.values()]);
}

function nameOf(element: YamlNode): string {
  const name = element.textAt('name');
  if (name === undefined) throw new PatchError('meets an element without a name');
  return name;
}
