import { fillIn, type Filled } from '../placeholders.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import type { Dialect } from './image-walk.ts';
import { podLists } from './pods.ts';

/** What is known of parameters. */
interface Scope {
  readonly params: ReadonlyMap<string, string>;
  /** Those that the mapping around gives values to: defaults of its parts do not count. */
  readonly given: ReadonlySet<string>;
}

/** `$(params.image)`, `$(params['image'])`, `$(inputs.params.image)`, and in a trigger's template `$(tt.params.image)`. */
const placeholder =
  /\$\((?:inputs\.|tt\.)?params(?:\.([^()'"]+)|\['([^']+)'\]|\["([^"]+)"\])\)|(\$\([^()]*\))/gu;

/** Tekton's Tasks, Pipelines, their runs, and what triggers make. */
export const tekton: Dialect<Scope> = {
  lists: new Set([...podLists, 'steps', 'sidecars']),
  containers: new Set(['stepTemplate']),
  scope: { params: new Map(), given: new Set() },

  enter(mapping, scope) {
    const list = [...mapping.itemsAt('params'), ...mapping.itemsAt('matrix', 'params')];
    if (list.length === 0) return scope.given.size === 0 ? scope : { ...scope, given: new Set() };
    const params = new Map(scope.params);
    const given = new Set<string>();
    for (const param of list) {
      const name = param.textAt('name') ?? '';
      const value = param.at('value');
      if (value !== undefined) given.add(name);
      else if (scope.given.has(name)) continue;
      for (const key of [...params.keys()].filter((one) => isOf(one, name))) params.delete(key);
      for (const [key, text] of plainValues(name, value ?? param.at('default'))) {
        const filled = fill(text, scope);
        if ('text' in filled) params.set(key, filled.text);
      }
    }
    return { params, given };
  },

  /** Bundles, of which tasks and pipelines are taken. */
  others(mapping) {
    const isBundle = mapping.textAt('resolver') === 'bundles';
    const node = isBundle
      ? mapping
          .itemsAt('params')
          .find((param) => param.textAt('name') === 'bundle')
          ?.at('value')
      : (mapping.at('taskRef', 'bundle') ?? mapping.at('pipelineRef', 'bundle'));
    return node?.text === undefined ? [] : [{ node, text: node.text }];
  },

  fill: (text, scope) => [fill(text, scope)],
};

/** @see https://tekton.dev/docs/pipelines/variables/ */
function fill(text: string, { params }: Scope): Filled {
  return fillIn(text, placeholder, (name) => params.get(name));
}

/** What a parameter is called by, whole or in part: `name`, `name[0]`, `name.key`. */
function plainValues(name: string, value: YamlNode | undefined): readonly (readonly [string, string])[] {
  if (value?.text !== undefined) return [[name, value.text]];
  const items = (value?.items ?? []).map((item, index) => [`${name}[${index}]`, item.text] as const);
  const entries = [...(value?.entries ?? [])].map(([key, entry]) => [`${name}.${key}`, entry.text] as const);
  return [...items, ...entries].flatMap(([key, text]) => (text === undefined ? [] : [[key, text] as const]));
}

function isOf(key: string, name: string): boolean {
  return key === name || key.startsWith(`${name}.`) || key.startsWith(`${name}[`);
}
