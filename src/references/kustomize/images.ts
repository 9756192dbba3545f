import { getOrMake } from '../../base/get-or-make.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import type { KustomizedResource } from './resource.ts';

/** An entry of `images`. */
export interface ImageChange {
  readonly pattern: RegExp;
  readonly newName: string;
  readonly newTag: string;
  readonly tagSuffix: string;
  readonly digest: string;
}

/** A field with an image besides those that kustomize knows. */
export interface ImageFieldSpec {
  readonly path: readonly string[];
  readonly group: string | undefined;
  readonly version: string | undefined;
  readonly kind: string | undefined;
}

/** Where kustomize looks for images in resources of all kinds. */
const knownFields: readonly ImageFieldSpec[] = [
  'spec/containers/image',
  'spec/initContainers/image',
  'spec/volumes/image/reference',
  'spec/template/spec/containers/image',
  'spec/template/spec/initContainers/image',
  'spec/template/spec/volumes/image/reference',
].map((path) => ({ path: path.split('/'), group: undefined, version: undefined, kind: undefined }));

/** No reference is longer, and a pattern may take long for such a text. */
const maxImageLength = 1000;

/**
 * A resource with the images that an entry names changed.
 *
 * Kustomize goes through it twice: for containers anywhere in it, and then for the fields that it knows. So it changes most
 * images twice, which shows in a `tagSuffix`.
 */
export function changeImages(
  resource: KustomizedResource,
  change: ImageChange,
  fields: readonly ImageFieldSpec[],
): KustomizedResource {
  const { kind, group, version } = resource;
  if (kind === 'CustomResourceDefinition') return resource;
  const specs = [...knownFields, ...fields].filter(
    (field) =>
      (field.kind ?? kind) === kind &&
      (field.group ?? group) === group &&
      (field.version ?? version) === version,
  );
  const changed = specs.reduce(
    (node, { path }) => changeAt(node, path, change),
    changeContainers(resource.node, change, new Map()),
  );
  return resource.with(changed);
}

/** All lists of containers in a node, whatever is above them; what aliases share is changed once. */
function changeContainers(node: YamlNode, change: ImageChange, done: Map<YamlNode, YamlNode>): YamlNode {
  return getOrMake(done, node, () => {
    if (node.isSequence) return node.with(node.items.map((item) => changeContainers(item, change, done)));
    if (!node.isMapping) return node;
    const entries = [...node.entries].map(([key, value]) => {
      const isList = (key === 'containers' || key === 'initContainers') && value.isSequence;
      const part = isList ? changeAt(value, ['image'], change) : value;
      return [key, changeContainers(part, change, done)] as const;
    });
    return node.with(new Map(entries));
  });
}

/** The scalars at a path; sequences on the way are gone through. */
function changeAt(node: YamlNode, path: readonly string[], change: ImageChange): YamlNode {
  if (node.isSequence) return node.with(node.items.map((item) => changeAt(item, path, change)));
  const [key, ...rest] = path;
  if (key === undefined) return node.text === undefined ? node : node.with(changedImage(node.text, change));
  const part = node.at(key);
  return part === undefined ? node : node.withEntry(key, changeAt(part, rest, change));
}

function changedImage(image: string, { pattern, newName, newTag, tagSuffix, digest }: ImageChange): string {
  if (image.length > maxImageLength || !pattern.test(image)) return image;
  const parts = splitImage(image);
  const name = newName === '' ? parts.name : newName;
  if (newTag !== '' || digest !== '') return joinImage(name, newTag, digest);
  if (tagSuffix !== '') return joinImage(name, `${parts.tag}${tagSuffix}`, '');
  return joinImage(name, parts.tag, parts.digest);
}

/** The name is what comes before the tag and the digest: a colon before the first slash is that of a port. */
function splitImage(image: string): { readonly name: string; readonly tag: string; readonly digest: string } {
  const [, name = image, tag = '', digest = ''] =
    /^([^/]*\/[^:@]*|[^/:@]*)(?::([^@]*))?(?:@(.*))?$/su.exec(image) ?? [];
  return { name, tag, digest };
}

function joinImage(name: string, tag: string, digest: string): string {
  return `${name}${tag === '' ? '' : `:${tag}`}${digest === '' ? '' : `@${digest}`}`;
}
