import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { goPattern } from './go-pattern.ts';
import type { ImageChange, ImageFieldSpec } from './images.ts';

/** What a kustomization's file may be called, in the order in which they are looked for. */
export const kustomizationNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;

/** A patch, and what it is for. */
export interface PatchEntry {
  /** Where the entry stands. */
  readonly node: YamlNode;
  /** Inline, or the path of a file. */
  readonly content: { readonly text: YamlNode } | { readonly path: YamlNode };
  /** Undefined: the patch itself says it. */
  readonly target: YamlNode | undefined;
}

/** A kustomization's patches, in the order in which kustomize applies them; older forms of writing them first. */
export function patchEntries(root: YamlNode): readonly PatchEntry[] {
  const merged = root.itemsAt('patchesStrategicMerge').map((node): PatchEntry => {
    const isInline = node.text?.includes('\n') === true;
    return { node, content: isInline ? { text: node } : { path: node }, target: undefined };
  });
  return [...merged, ...root.itemsAt('patches').flatMap(patchEntry)];
}

/** JSON patches in their older form, which come after names are changed and before images are. */
export function jsonPatchEntries(root: YamlNode): readonly PatchEntry[] {
  return root.itemsAt('patchesJson6902').flatMap(patchEntry);
}

function patchEntry(node: YamlNode): readonly PatchEntry[] {
  const path = node.at('path');
  const text = node.at('patch');
  const target = node.at('target');
  if (text?.text !== undefined) return [{ node, content: { text }, target }];
  return path?.text === undefined ? [] : [{ node, content: { path }, target }];
}

/** An entry of `images` as it stands, and what it means; undefined if that cannot be told. */
export interface ImageEntry {
  readonly node: YamlNode;
  readonly change: ImageChange | undefined;
}

export function imageEntries(root: YamlNode): readonly ImageEntry[] {
  return [...root.itemsAt('imageTags'), ...root.itemsAt('images')].map((node) => {
    const text = (key: string): string => node.textAt(key) ?? '';
    const name = text('name');
    const change = {
      newName: text('newName'),
      newTag: text('newTag'),
      tagSuffix: text('tagSuffix'),
      digest: text('digest'),
    };
    // Names are regular expressions, which hardly shows: a dot is any character.
    const pattern = goPattern(name) && new RegExp(`^${name}(:[\\w.{}-]*)?(@sha256:[\\w.{}-]*)?$`, 'u');
    return { node, change: pattern && { ...change, pattern } };
  });
}

/** The fields of images that a file of `configurations` adds. */
export function imageFieldSpecs(configuration: YamlNode | undefined): readonly ImageFieldSpec[] {
  return (configuration?.itemsAt('images') ?? []).map((field) => ({
    path: (field.textAt('path') ?? '').replaceAll('[]', '').split('/'),
    group: field.textAt('group'),
    version: field.textAt('version'),
    kind: field.textAt('kind'),
  }));
}

/** Whether a path that is not there is that of another host, such as `github.com/acme/base?ref=v1`. */
export function isRemote(path: string): boolean {
  return /^(?:[a-z+]+:|[\w.-]+@[\w.-]+:|[\w-]+\.[a-z]{2,}\/)|\?|\/\/|\.git(?:$|\/)/u.test(path);
}

/** What kustomize gets elsewhere, or makes by means that are not known here, and that may make images. */
export function unknownParts(root: YamlNode): readonly YamlNode[] {
  const charts = [...root.itemsAt('helmCharts'), ...root.itemsAt('helmChartInflationGenerator')];
  const replacements = root.itemsAt('replacements').filter(mayReplaceImages);
  const generators = root.itemsAt('generators').filter((node) => !isHarmlessPlugin(node.text));
  const transformers = root.itemsAt('transformers').filter((node) => !isHarmlessPlugin(node.text));
  return [...charts, ...generators, ...transformers, ...replacements];
}

function mayReplaceImages(replacement: YamlNode): boolean {
  const targets = replacement.itemsAt('targets');
  // In a file of its own.
  if (targets.length === 0) return true;
  const paths = targets.flatMap((target) => target.itemsAt('fieldPaths')).map(({ text = '' }) => text);
  return paths.some((path) => /image|containers|volumes|\*/u.test(path));
}

/** Plugins of kustomize's own that make or change no images, where they are written inline. */
function isHarmlessPlugin(text: string | undefined): boolean {
  const kinds =
    /^kind:\s*(?:Annotations|ConfigMapGenerator|Hash|Label|Namespace|Prefix|ReplicaCount|SecretGenerator|Suffix)(?:Transformer)?\s*$/mu;
  return text !== undefined && text.includes('\n') && kinds.test(text);
}

/** `kustomize build`, for what only it can tell. */
export function buildAdvice({ folder }: SourceFile): string {
  return `kustomize build ${folder} | entrepot warm -f -`;
}
