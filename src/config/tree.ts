import type { Origin } from './config-error.ts';

/**
 * A configuration before its keys have types: every scalar is the text as written, since the key decides how
 * its value is read (a password `0123` is not a number). Undefined is YAML's null. Sections have no
 * prototype.
 */
export type Node = string | undefined | Node[] | Section;

interface Section {
  [key: string]: Node;
}

export type Path = readonly (string | number)[];

export function newSection(): Section {
  return Object.create(null) as Section;
}

export function isSection(node: Node): node is Section {
  return typeof node === 'object' && !Array.isArray(node);
}

/** `http.tls.clientcas[0]` */
export function pathText(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

/** In no key of anyone's. Dots do not tell paths apart: names of upstreams have some. */
const separator = '\0';

function pathKey(path: Path): string {
  return path.map((part) => separator + String(part)).join('');
}

/** A configuration's values, and where each was written. */
export class ConfigTree {
  readonly root: Section = newSection();
  readonly #origins = new Map<string, Origin>();

  note(path: Path, origin: Origin): void {
    this.#origins.set(pathKey(path), origin);
  }

  /** Forgets where the values under `path` came from, since they were replaced. */
  forget(path: Path): void {
    const key = pathKey(path);
    for (const known of this.#origins.keys()) {
      if (known === key || known.startsWith(key + separator)) this.#origins.delete(known);
    }
  }

  /** Where the value at `path` was written, or else the nearest section around it. */
  origin(path: Path): Origin | undefined {
    for (let length = path.length; length >= 0; length -= 1) {
      const origin = this.#origins.get(pathKey(path.slice(0, length)));
      if (origin !== undefined) return origin;
    }
    return undefined;
  }

  get(path: Path): Node {
    let node: Node = this.root;
    for (const part of path) {
      if (Array.isArray(node)) node = typeof part === 'number' ? node[part] : undefined;
      else if (isSection(node)) node = node[part];
      else return undefined;
    }
    return node;
  }

  /** Removes a key; returns its value, or undefined if there was no such key. */
  take(path: readonly string[]): { readonly value: Node } | undefined {
    const section = this.get(path.slice(0, -1));
    const last = path.at(-1) ?? '';
    if (!isSection(section) || !(last in section)) return undefined;
    const value = section[last];
    delete section[last];
    return { value };
  }
}

/**
 * Makes empty texts, lists and sections undefined, as in Go: `username: ""` is no user name, and `auth: {}`
 * no authentication. Members of lists are left alone.
 */
export function blankToUndefined(node: Node): Node {
  if (isSection(node)) {
    for (const [key, value] of Object.entries(node)) node[key] = blankToUndefined(value);
    return Object.keys(node).length === 0 ? undefined : node;
  }
  return node === '' || (Array.isArray(node) && node.length === 0) ? undefined : node;
}
