import type { YamlNode } from '../yaml/yaml-node.ts';
import { goPattern } from './go-pattern.ts';
import { PatchError } from './json-patch.ts';
import { fitsSelector } from './selector.ts';

/** What a resource is or was called. */
interface Identity {
  readonly name: string;
  readonly namespace: string;
}

/** Whose lists kustomize merges by name. */
const groupsWithSchema: ReadonlySet<string> = new Set(['', 'apps', 'batch', 'extensions', 'policy']);

/** A resource on its way through kustomizations, which may rename it. */
export class KustomizedResource {
  readonly node: YamlNode;
  readonly #identities: readonly Identity[];

  private constructor(node: YamlNode, identities: readonly Identity[]) {
    this.node = node;
    this.#identities = identities;
  }

  static of(node: YamlNode): KustomizedResource {
    return new KustomizedResource(node, [identityOf(node)]);
  }

  get kind(): string {
    return this.node.textAt('kind') ?? '';
  }

  get group(): string {
    return this.#apiVersion[0];
  }

  get version(): string {
    return this.#apiVersion[1];
  }

  get hasSchema(): boolean {
    return groupsWithSchema.has(this.group);
  }

  /** The same resource, changed. What it was called before still finds it. */
  with(node: YamlNode): KustomizedResource {
    return new KustomizedResource(node, [...this.#identities, identityOf(node)]);
  }

  /** With one of its texts below `metadata` changed. */
  withMetadata(change: (metadata: YamlNode) => YamlNode): KustomizedResource {
    const metadata = this.node.at('metadata');
    return metadata === undefined ? this : this.with(this.node.withEntry('metadata', change(metadata)));
  }

  /** Whether a patch without a target is for it. */
  isMeantBy(patch: YamlNode): boolean {
    const wanted = identityOf(patch);
    return (
      patch.textAt('kind') === this.kind &&
      patch.textAt('apiVersion') === this.node.textAt('apiVersion') &&
      this.#identities.some(({ name, namespace }) => name === wanted.name && namespace === wanted.namespace)
    );
  }

  /**
   * Whether a target selects it.
   * @throws {PatchError} if that cannot be told
   */
  fits(target: YamlNode): boolean {
    const texts = (key: string): readonly string[] => {
      if (key === 'name' || key === 'namespace') return this.#identities.map((identity) => identity[key]);
      return [key === 'kind' ? this.kind : key === 'group' ? this.group : this.version];
    };
    const fields = ['group', 'version', 'kind', 'name', 'namespace'];
    return (
      fields.every((key) => matches(target.textAt(key), texts(key))) &&
      this.#fitsSelector('labels', target.textAt('labelSelector')) &&
      this.#fitsSelector('annotations', target.textAt('annotationSelector'))
    );
  }

  #fitsSelector(key: string, selector: string | undefined): boolean {
    if (selector === undefined) return true;
    const entries = this.node.at('metadata', key)?.entries ?? [];
    const labels = new Map([...entries].map(([name, { text = '' }]) => [name, text] as const));
    const fits = fitsSelector(labels, selector);
    if (fits === undefined) throw new PatchError(`has a selector that cannot be read: ${selector}`);
    return fits;
  }

  get #apiVersion(): readonly [group: string, version: string] {
    const text = this.node.textAt('apiVersion') ?? '';
    const slash = text.indexOf('/');
    return [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)];
  }
}

function identityOf(node: YamlNode): Identity {
  const namespace = node.textAt('metadata', 'namespace') ?? '';
  return {
    name: node.textAt('metadata', 'name') ?? '',
    namespace: namespace === '' ? 'default' : namespace,
  };
}

function matches(pattern: string | undefined, texts: readonly string[]): boolean {
  if (pattern === undefined || pattern === '') return true;
  const expression = goPattern(`^(${pattern})$`);
  if (expression === undefined) throw new PatchError(`has a target that cannot be read: ${pattern}`);
  return texts.some((text) => expression.test(text));
}
