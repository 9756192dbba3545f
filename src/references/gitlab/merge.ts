import { getOrMake } from '../../base/get-or-make.ts';
import { BadFile } from '../bad-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';

/** Merges `over` into `base`: mappings key by key, anything else is replaced. */
export function deepMerge(base: YamlNode | undefined, over: YamlNode): YamlNode {
  if (base?.isMapping !== true || !over.isMapping) return over;
  let merged = over.with(base.entries);
  for (const [key, value] of over.entries) merged = merged.withEntry(key, deepMerge(base.at(key), value));
  return merged;
}

/** Levels of references and of `extends` in one another; GitLab allows eleven. */
const maxLevels = 20;

/**
 * A configuration with its `!reference [job, key]` replaced by what they refer to; what refers to nothing is null.
 * @throws {BadFile} for references in a circle
 */
export function withReferences(root: YamlNode): YamlNode {
  const done = new Map<YamlNode, YamlNode>();
  const resolve = (node: YamlNode, level: number): YamlNode =>
    getOrMake(done, node, () => {
      if (node.origin.tag === '!reference') {
        if (level > maxLevels) throw bad(node, 'refers to itself, or through too many others');
        const target = root.at(...node.items.map(({ text = '' }) => text));
        return target === undefined ? node.with(null) : resolve(target, level + 1);
      }
      if (node.isSequence) return node.with(node.items.map((item) => resolve(item, level)));
      if (!node.isMapping) return node;
      return node.with(new Map([...node.entries].map(([key, value]) => [key, resolve(value, level)])));
    });
  return resolve(root, 0);
}

/** Jobs with what they extend merged into them. */
export class ExtendedJobs {
  readonly #root: YamlNode;
  readonly #done = new Map<string, YamlNode>();

  constructor(root: YamlNode) {
    this.#root = root;
  }

  /** @throws {BadFile} if it extends itself, or what is not there */
  get(name: string, job: YamlNode, level = 0): YamlNode {
    return getOrMake(this.#done, name, () => {
      const own = job.at('extends');
      if (own === undefined) return job;
      if (level > maxLevels) throw bad(own, 'extends itself, or through too many others');
      const parents = own.text === undefined ? own.items : [own];
      const base = parents.reduce<YamlNode | undefined>((merged, parent) => {
        const named = this.#root.at(parent.text ?? '');
        if (named === undefined) throw bad(parent, `there is no ${parent.text ?? ''} to extend`);
        return deepMerge(merged, this.get(parent.text ?? '', named, level + 1));
      }, undefined);
      return deepMerge(base, job);
    });
  }
}

function bad({ file, line }: YamlNode, message: string): BadFile {
  return new BadFile({ file: file.path, line, message });
}
