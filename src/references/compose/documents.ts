import { isAbsolute, join } from 'node:path';
import { BadFile } from '../bad-file.ts';
import type { SourceFile } from '../source-file.ts';
import { readStrictYaml } from '../yaml/read-yaml.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { refuse } from './reports.ts';

/** What may stand at the top of a Compose file, besides extensions. */
const topKeys = new Set([
  'configs',
  'include',
  'jobs',
  'models',
  'name',
  'networks',
  'secrets',
  'services',
  'version',
  'volumes',
]);

/**
 * The documents of a Compose file: each is laid over those before it.
 * @throws {BadFile}
 */
export function readDocuments(file: SourceFile): readonly YamlNode[] {
  const documents = readStrictYaml(file);
  if (documents.length === 0) throw new BadFile({ file: file.path, line: undefined, message: 'is empty' });
  for (const document of documents) checkTop(document);
  return documents;
}

function checkTop(document: YamlNode): void {
  if (!document.isMapping) refuse(document, 'is no Compose file: it has no services');
  for (const [key, node] of document.entries) {
    if (topKeys.has(key) || key.startsWith('x-')) continue;
    refuse(node, `has "${key}" at its top, which means nothing there: services stand below "services"`);
  }
}

/** Whether a path leads to another machine, from where Compose fetches it. */
export function isRemote(path: string): boolean {
  return /^(?:https?|git|ssh|oci):\/\/|^git@|^github\.com\//u.test(path);
}

/** A path that stands in a file whose paths start in `folder`. */
export function pathIn(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
