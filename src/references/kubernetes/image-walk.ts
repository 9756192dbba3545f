import type { Filled } from '../placeholders.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';

/** A field of a resource that names an image. */
export interface ImageField {
  readonly node: YamlNode;
  /** What it comes to. */
  readonly filled: Filled;
  /** `imagePullPolicy`, or what stands for it; undefined: a registry is asked. */
  readonly pullPolicy: string | undefined;
}

/** What a scalar says of an image, before parameters are filled in. */
export interface NamedImage {
  readonly node: YamlNode;
  readonly text: string;
}

/** Where resources of an API group name images, and how their parameters are filled in. */
export interface Dialect<Scope> {
  /** Keys of lists of containers: `containers`. */
  readonly lists: ReadonlySet<string>;
  /** Keys of single containers: `container`. */
  readonly containers: ReadonlySet<string>;
  /** The parameters at the top. */
  readonly scope: Scope;
  /** The parameters within a mapping. */
  enter(mapping: YamlNode, scope: Scope): Scope;
  /** Scalars of a mapping that name what else is fetched from a registry, and the images in them. */
  others?(mapping: YamlNode): readonly NamedImage[];
  /** What a text comes to; several, where it is used several times with other parameters. */
  fill(text: string, scope: Scope): readonly Filled[];
}

/** Finds the fields of a resource that name images, wherever its pod templates are. */
export class ImageWalk<Scope> {
  readonly #dialect: Dialect<Scope>;
  readonly #fields: ImageField[] = [];

  constructor(dialect: Dialect<Scope>) {
    this.#dialect = dialect;
  }

  run(resource: YamlNode): readonly ImageField[] {
    this.#walk(resource, this.#dialect.scope);
    return this.#fields;
  }

  #walk(node: YamlNode, outer: Scope): void {
    for (const item of node.items) this.#walk(item, outer);
    if (!node.isMapping) return;
    for (const named of this.#dialect.others?.(node) ?? []) this.#add(named, undefined, outer);
    const scope = this.#dialect.enter(node, outer);
    for (const [key, value] of node.entries) {
      if (this.#dialect.lists.has(key)) for (const item of value.items) this.#addContainer(item, scope);
      if (this.#dialect.containers.has(key)) this.#addContainer(value, scope);
      if (key === 'volumes') for (const volume of value.items) this.#addVolume(volume, scope);
      this.#walk(value, scope);
    }
  }

  #addContainer(container: YamlNode, outer: Scope): void {
    const scope = this.#dialect.enter(container, outer);
    this.#add(named(container.at('image')), container.textAt('imagePullPolicy'), scope);
  }

  /** @see https://kubernetes.io/docs/concepts/storage/volumes/#image */
  #addVolume(volume: YamlNode, scope: Scope): void {
    this.#add(named(volume.at('image', 'reference')), volume.textAt('image', 'pullPolicy'), scope);
  }

  #add(image: NamedImage | undefined, pullPolicy: string | undefined, scope: Scope): void {
    // An empty one is set by a controller later.
    if (image === undefined || image.text === '') return;
    const { node, text } = image;
    for (const filled of this.#dialect.fill(text, scope)) this.#fields.push({ node, filled, pullPolicy });
  }
}

function named(node: YamlNode | undefined): NamedImage | undefined {
  return node?.text === undefined ? undefined : { node, text: node.text };
}
