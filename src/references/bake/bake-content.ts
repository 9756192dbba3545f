/** What bake reads in a folder, in this order, later ones laid over earlier ones. */
export const defaultBakeFiles = [
  'docker-bake.json',
  'docker-bake.hcl',
  'docker-bake.override.json',
  'docker-bake.override.hcl',
] as const;

/** `docker-bake.hcl`, `docker-bake.ci.json`, `web.bake.hcl`. */
export function isBakeName(path: string): boolean {
  return /(?:^|\/)(?:docker-bake(?:\.[^/]*)?|[^/]*\.bake)\.(?:hcl|json)$/u.test(path);
}

/** Of a folder the first one is taken; it has the others read. */
export function isFirstBakeFile(name: string, siblings: readonly string[]): boolean {
  return name === defaultBakeFiles.find((one) => siblings.includes(one));
}

/** Whether a text has blocks of bake. */
export function looksLikeBake(text: string): boolean {
  return /^(?:target|group)\s+"[^"\n]+"\s*\{/mu.test(text);
}
