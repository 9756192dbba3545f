import { ConfigError, type Problem } from './config-error.ts';
import { isSection, newSection, pathText, type ConfigTree, type Node } from './tree.ts';
import { readYaml } from './yaml.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the configuration file; not a key. */
export const pathVariable = 'REGISTRY_CONFIGURATION_PATH';

const prefix = 'REGISTRY_';

/**
 * Lays `REGISTRY_A_B_C` over the key `a.b.c`, its value read as YAML, in lexical order so that `REGISTRY_HTTP` comes before
 * `REGISTRY_HTTP_ADDR`. Parts are matched without regard to case, and numbers are places in lists, as in registry:2.
 *
 * @param isTopLevel whether a first part is a key; variables with another are left alone and returned, since Kubernetes
 *   gives every container next to a service called `registry` variables such as `REGISTRY_PORT`
 * @throws ConfigError that names the variables
 */
export function applyEnvironment(
  tree: ConfigTree,
  environment: Environment,
  isTopLevel: (key: string) => boolean,
): readonly string[] {
  const problems: Problem[] = [];
  const foreign: string[] = [];
  for (const variable of Object.keys(environment).sort()) {
    const text = environment[variable];
    if (!variable.startsWith(prefix) || variable === pathVariable || text === undefined) continue;
    const path = variable.slice(prefix.length).toLowerCase().split('_');
    if (!isTopLevel(path[0] ?? '')) {
      foreign.push(variable);
      continue;
    }
    try {
      override(tree, variable, path, text);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return foreign;
}

function override(tree: ConfigTree, variable: string, names: readonly string[], text: string): void {
  const origin = { variable };
  const refuse = (message: string) => new ConfigError([{ origin, key: '', message }]);
  const value = readYaml(
    text,
    () => origin,
    () => {},
  );
  const path: (string | number)[] = [];
  let container: Node = tree.root;
  for (const [index, name] of names.entries()) {
    const key = step(container, name);
    if (key === undefined) {
      throw refuse(`${pathText(path)} is a list: ${JSON.stringify(name)} is not a place in it`);
    }
    path.push(key);
    const slot = container as Record<string | number, Node>;
    if (index === names.length - 1) {
      slot[key] = value;
    } else {
      container = containerFor(slot[key], names[index + 1] ?? '');
      if (slot[key] !== container) {
        slot[key] = container;
        tree.note(path, origin);
      }
    }
  }
  tree.forget(path);
  tree.note(path, origin);
}

/** The key of `container` that `name` spells in any case, or a new one; a list's place, at most one past its end. */
function step(container: Node, name: string): string | number | undefined {
  if (Array.isArray(container)) {
    return /^[0-9]{1,4}$/.test(name) && Number(name) <= container.length ? Number(name) : undefined;
  }
  return Object.keys(container as object).find((key) => key.toLowerCase() === name) ?? name;
}

function containerFor(node: Node, next: string): Node {
  if (isSection(node) || Array.isArray(node)) return node;
  return next === '0' ? [] : newSection();
}
