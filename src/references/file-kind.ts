/** What a file can be that names images; what `--kind` takes. */
export const fileKinds = [
  'list',
  'dockerfile',
  'compose',
  'kubernetes',
  'kustomize',
  'github',
  'gitlab',
  'devcontainer',
  'quadlet',
  'bake',
  'modelfile',
] as const;

export type FileKind = (typeof fileKinds)[number];
