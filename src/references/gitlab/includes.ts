import picomatch from 'picomatch';
import { BadFile } from '../bad-file.ts';
import type { FindingsOfFiles } from '../findings-of-files.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { readYaml } from '../yaml/read-yaml.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { deepMerge } from './merge.ts';

/** Files of one pipeline; as many as GitLab allows. */
const maxFiles = 150;

interface IncludesDeps {
  /** The file that is not included itself; local paths start in its folder. */
  readonly file: SourceFile;
  readonly context: ParseContext;
  readonly findings: FindingsOfFiles;
}

/** Puts a configuration together from its files. */
export class Includes {
  readonly #deps: IncludesDeps;
  /** The inputs of each file, as far as they are known. */
  readonly inputs = new Map<SourceFile, ReadonlyMap<string, string>>();

  constructor(deps: IncludesDeps) {
    this.#deps = deps;
  }

  /**
   * A file with what it includes; its own keys win.
   * @param given inputs from the file that includes it
   */
  async read(file: SourceFile, given?: YamlNode): Promise<YamlNode | undefined> {
    const documents = readYaml(file);
    const header = documents.length > 1 && documents[0]?.at('spec') !== undefined ? documents[0] : undefined;
    const root = header === undefined ? documents[0] : documents[1];
    this.inputs.set(file, inputsOf(header, given));
    if (root === undefined) return undefined;
    let merged: YamlNode | undefined;
    for (const entry of entriesOf(root.at('include'))) {
      for (const path of await this.#paths(entry)) {
        const included = await this.#include(path, entry);
        if (included !== undefined) merged = deepMerge(merged, included);
      }
    }
    return deepMerge(merged, root.withEntry('include', undefined));
  }

  /** The files that an entry means; what is not in this repository is told. */
  async #paths(entry: YamlNode): Promise<readonly string[]> {
    const local = localPath(entry);
    const findings = this.#deps.findings.of(entry.file);
    const { line } = entry;
    if (local === undefined) {
      const message = `includes ${nameOf(entry)} from elsewhere: which images that names is not known here`;
      findings.addNote(line, message);
      return [];
    }
    if (local.includes('$')) {
      findings.addUnresolved({ line, text: local, problem: 'it has variables in it', advice: undefined });
      return [];
    }
    if (!/[*?]/u.test(local)) return [local];
    const [, folder = '', pattern = ''] = /^(.*\/)?([^/]*)$/su.exec(local) ?? [];
    if (/[*?]/u.test(folder) || pattern.includes('**')) {
      const problem = 'it is a pattern of folders';
      findings.addUnresolved({ line, text: local, problem, advice: 'name its files one by one' });
      return [];
    }
    const names = (await this.#deps.context.list(`./${folder}`, this.#deps.file)) ?? [];
    const isMeant = picomatch(pattern);
    return names.filter((name) => isMeant(name)).map((name) => `${folder}${name}`);
  }

  async #include(path: string, entry: YamlNode): Promise<YamlNode | undefined> {
    if (this.inputs.size >= maxFiles) throw bad(entry, `includes more than ${maxFiles} files, or itself`);
    const { context, file } = this.#deps;
    const included = await context.read(`./${path}`, file);
    if (included === undefined) throw bad(entry, `includes ${path}, which does not exist`);
    return await this.read(included, entry.at('inputs'));
  }
}

function entriesOf(include: YamlNode | undefined): readonly YamlNode[] {
  if (include === undefined || include.value === null) return [];
  return include.isSequence ? include.items : [include];
}

/** The path of a file in the repository; undefined for what is elsewhere. */
function localPath(entry: YamlNode): string | undefined {
  const path = entry.text ?? entry.textAt('local');
  return path === undefined || /^https?:/u.test(path) ? undefined : path;
}

/** What an entry is called that is elsewhere. */
function nameOf(entry: YamlNode): string {
  const keys = ['remote', 'project', 'template', 'component'];
  return entry.text ?? keys.map((key) => entry.textAt(key)).find((text) => text !== undefined) ?? 'something';
}

function inputsOf(header: YamlNode | undefined, given: YamlNode | undefined): ReadonlyMap<string, string> {
  const inputs = new Map<string, string>();
  for (const [name, input] of header?.at('spec', 'inputs')?.entries ?? []) {
    const value = given?.textAt(name) ?? input.textAt('default');
    if (value !== undefined) inputs.set(name, value);
  }
  return inputs;
}

function bad({ file, line }: YamlNode, message: string): BadFile {
  return new BadFile({ file: file.path, line, message });
}
