import { publicRegistries } from '../oci/public-registries.ts';
import { ConfigError, type Problem } from './config-error.ts';
import { isServiceLink } from './service-links.ts';
import { isSection, newSection, pathText, type ConfigTree, type Node, type Path } from './tree.ts';
import { readYaml } from './yaml.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the configuration file; not a key. */
export const pathVariable = 'REGISTRY_CONFIGURATION_PATH';

const prefix = 'REGISTRY_';

/**
 * `REGISTRY_A_B_C` overrides the key `a.b.c`; its value is YAML. As in registry:2, parts are matched
 * regardless of case, numbers are indexes of lists, and variables apply in lexical order, `REGISTRY_HTTP`
 * before `REGISTRY_HTTP_ADDR`. For a key that is there, `_` also matches its other characters: `GHCR_IO` is
 * `ghcr.io`.
 *
 * Left alone, and returned, are variables whose first part is no key, and those that Kubernetes gives every
 * container next to a service called `registry`, `registry-proxy` and the like, such as
 * `REGISTRY_PROXY_PORT`.
 *
 * @param isTopLevel whether a first part is a key, or so near to one that it must be a slip
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
    if (!isTopLevel(path[0] ?? '') || (isServiceLink(variable, text) && !isPresent(tree.root, path))) {
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

/**
 * Whether a variable's name spells a key that is there: no key of the schema looks like a service's, but one
 * that the operator chose may.
 */
function isPresent(node: Node, names: readonly string[]): boolean {
  if (names.length === 0) return true;
  if (!isSection(node)) return false;
  return Object.entries(node).some(([key, value]) => {
    const spelling = asVariable(key).split('_');
    return (
      spelling.every((part, index) => part === names[index]) && isPresent(value, names.slice(spelling.length))
    );
  });
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
  for (let rest = names; rest.length > 0;) {
    const { key, parts } = step(container, rest, path, refuse);
    path.push(key);
    rest = rest.slice(parts);
    const slot = container as Record<string | number, Node>;
    if (rest.length === 0) {
      slot[key] = value;
    } else {
      container = containerFor(slot[key], rest[0] ?? '');
      if (slot[key] !== container) {
        slot[key] = container;
        tree.note(path, origin);
      }
    }
  }
  tree.forget(path);
  tree.note(path, origin);
}

interface Step {
  readonly key: string | number;
  /** How many parts of the variable's name spell it. */
  readonly parts: number;
}

type Refuse = (message: string) => ConfigError;

/** The key of `container` that the next parts of a variable's name spell, or a new one. */
function step(container: Node, names: readonly string[], path: Path, refuse: Refuse): Step {
  const [name = ''] = names;
  if (Array.isArray(container)) {
    if (/^[0-9]{1,4}$/.test(name) && Number(name) <= container.length) return { key: Number(name), parts: 1 };
    throw refuse(`${pathText(path)} is a list: ${JSON.stringify(name)} is not a place in it`);
  }
  const ofHosts = path.length === 1 && path[0] === 'upstreams';
  const present = Object.keys(container as object);
  const known = spelled(ofHosts ? [...present, ...publicRegistries] : present, names, refuse);
  if (known !== undefined) return known;
  if (ofHosts && !/[.:]/.test(name) && name !== 'localhost') {
    throw refuse(
      'names no well-known registry and none of the file: write its name as it is, with dots, or put it into REGISTRY_UPSTREAMS',
    );
  }
  return { key: name, parts: 1 };
}

/** The candidate that the most parts spell. @throws ConfigError when they spell several alike */
function spelled(candidates: readonly string[], names: readonly string[], refuse: Refuse): Step | undefined {
  for (let parts = names.length; parts > 0; parts -= 1) {
    const name = names.slice(0, parts).join('_');
    const exact = candidates.find((key) => key.toLowerCase() === name);
    if (exact !== undefined) return { key: exact, parts };
    const alike = [...new Set(candidates.filter((key) => asVariable(key) === asVariable(name)))];
    if (alike.length > 1) throw refuse(`may mean ${alike.join(' or ')}: write the name as it is, with dots`);
    if (alike[0] !== undefined) return { key: alike[0], parts };
  }
  return undefined;
}

/** As shells can write it in a variable's name. */
function asVariable(key: string): string {
  return key.toLowerCase().replaceAll(/[^a-z0-9]/g, '_');
}

function containerFor(node: Node, next: string): Node {
  if (isSection(node) || Array.isArray(node)) return node;
  return next === '0' ? [] : newSection();
}
