import { BadFile } from '../bad-file.ts';
import { YamlNode } from '../yaml/yaml-node.ts';

/** Entries and elements copied for one project: a large one has some thousands. */
const maxWork = 5_000_000;

/** What is read of a service or a job: no other attribute names an image, or says whether it is needed. */
const serviceKeys = [
  'build',
  'cgroup',
  'depends_on',
  'extends',
  'image',
  'ipc',
  'links',
  'models',
  'network_mode',
  'pid',
  'platform',
  'pre_start',
  'profiles',
  'provider',
  'pull_policy',
  'uts',
  'volumes',
  'volumes_from',
];

/**
 * Lays what files say of services over each other: mappings are merged, lists are joined, and what is
 * neither is replaced.
 * `!reset` removes, `!override` replaces.
 * @see https://github.com/compose-spec/compose-spec/blob/main/13-merge.md
 */
export class Merger {
  #work = 0;

  /**
   * Services, or what else has names.
   * @throws {BadFile} for files that make too much work: anchors and `extends` can say in a few lines what
   * has millions
   */
  named(
    base: ReadonlyMap<string, YamlNode>,
    over: ReadonlyMap<string, YamlNode>,
  ): ReadonlyMap<string, YamlNode> {
    if (base.size === 0) return over;
    return this.#entries(base, over, (other, node) => this.service(other, node));
  }

  /** A service over another one, or what files say of the same. */
  service(base: YamlNode, over: YamlNode): YamlNode {
    if (isOverride(over) || !base.isMapping) return over;
    if (over.value === null) return base;
    return over.with(
      this.#entries(base.entries, over.entries, (other, node, key) => this.#attribute(key, other, node)),
    );
  }

  #attribute(key: string, base: YamlNode, over: YamlNode): YamlNode {
    if (isOverride(over)) return over;
    // An attribute that is there and says nothing changes nothing.
    if (over.value === null) return base;
    if (key === 'build') return this.#build(buildMapping(base), buildMapping(over));
    if (key === 'depends_on' || key === 'models') return this.#mapping(named(base), named(over));
    return base.isSequence && over.isSequence ? this.#joined(base, over) : over;
  }

  #build(base: YamlNode, over: YamlNode): YamlNode {
    const entries = this.#entries(base.entries, over.entries, (other, node, key) => {
      if (isOverride(node)) return node;
      if (node.value === null) return other;
      if (key === 'args' || key === 'additional_contexts') return this.#mapping(keyed(other), keyed(node));
      return other.isSequence && node.isSequence ? this.#joined(other, node) : node;
    });
    return over.with(entries);
  }

  #mapping(base: YamlNode, over: YamlNode): YamlNode {
    return over.with(
      this.#entries(base.entries, over.entries, (other, node) => (node.value === null ? other : node)),
    );
  }

  #joined(base: YamlNode, over: YamlNode): YamlNode {
    const items = [...base.items, ...over.items];
    this.#count(items.length, over);
    return over.with(items);
  }

  #entries(
    base: ReadonlyMap<string, YamlNode>,
    over: ReadonlyMap<string, YamlNode>,
    merge: (base: YamlNode, over: YamlNode, key: string) => YamlNode,
  ): ReadonlyMap<string, YamlNode> {
    const merged = new Map(base);
    for (const [key, node] of over) {
      this.#count(1, node);
      const other = merged.get(key);
      if (isReset(node)) merged.delete(key);
      else merged.set(key, other === undefined || isReset(other) ? node : merge(other, node, key));
    }
    this.#work += base.size;
    return merged;
  }

  #count(work: number, { file, line }: YamlNode): void {
    this.#work += work;
    if (this.#work <= maxWork) return;
    throw new BadFile({
      file: file.path,
      line,
      message: 'makes too much of what it repeats, by anchors or "extends"',
    });
  }
}

/** An attribute that says something. */
export function entry(node: YamlNode | undefined, key: string): YamlNode | undefined {
  const value = node?.at(key);
  return value === undefined || value.value === null || isReset(value) ? undefined : value;
}

/** The elements of a list, or what stands in its place alone. */
export function listed(node: YamlNode | undefined): readonly YamlNode[] {
  if (node === undefined) return [];
  return (node.isSequence ? node.items : [node]).filter((item) => !isReset(item));
}

/** A service with nothing but what is read of it. */
export function picked(service: YamlNode): YamlNode {
  if (!service.isMapping) return service;
  const entries = serviceKeys.flatMap((key) => {
    const value = service.at(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return service.with(new Map(entries));
}

/** Whether a node takes away what is said of it elsewhere. */
export function isReset(node: YamlNode): boolean {
  return node.origin.tag === '!reset';
}

/** The mapping `build`, which may be a folder alone. */
export function buildMapping(node: YamlNode): YamlNode {
  return node.text === undefined ? node : node.with(new Map([['context', node]]));
}

/** A mapping that may be written as a list of `KEY=VALUE`; a key alone has no value. */
export function keyed(node: YamlNode): YamlNode {
  if (!node.isSequence) return node;
  const entries = listed(node).flatMap((item): (readonly [string, YamlNode])[] => {
    const { text } = item;
    if (text === undefined) return [];
    const equals = text.indexOf('=');
    if (equals < 0) return [[text, item.with(null)]];
    // What comes after the sign is text, whatever it looks like.
    const value = new YamlNode(text.slice(equals + 1), { ...item.origin, isPlain: false });
    return [[text.slice(0, equals), value]];
  });
  return node.with(new Map(entries));
}

/** A mapping that may be written as a list of names. */
export function named(node: YamlNode): YamlNode {
  if (!node.isSequence) return node;
  return node.with(new Map(listed(node).map((item) => [item.text ?? '', item.with(new Map())])));
}

function isOverride(node: YamlNode): boolean {
  return node.origin.tag === '!override';
}
