import { writeFile } from 'node:fs/promises';
import { ConfigError } from '../../src/config/config-error.ts';
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts';
import { TempFolder } from './temp-folder.ts';

type Variables = Readonly<Record<string, string>>;

/** A working directory with an `entrepot.yml` in it. */
export class ConfigFolder implements AsyncDisposable {
  readonly #folder: TempFolder;

  private constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  static async create(files: Readonly<Record<string, string>> = {}): Promise<ConfigFolder> {
    const folder = await TempFolder.create();
    for (const [name, content] of Object.entries(files)) await writeFile(folder.join(name), content);
    return new ConfigFolder(folder);
  }

  get path(): string {
    return this.#folder.path;
  }

  /** @param file undefined for none */
  load(environment: Variables = {}, file: string | undefined = 'entrepot.yml'): LoadedConfig {
    return loadConfig({ file, environment, directory: this.path });
  }

  /** The same without a file. */
  loadEnvironment(environment: Variables): LoadedConfig {
    return loadConfig({ environment, directory: this.path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder.remove();
  }
}

/** Loads a file with this text. */
export async function loadText(text: string, environment: Variables = {}): Promise<LoadedConfig> {
  await using folder = await ConfigFolder.create({ 'entrepot.yml': text });
  return folder.load(environment);
}

/** What `load` complains about; empty if it does not. */
export function complaintOf(load: () => unknown): string {
  try {
    load();
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

/** What a file with this text is told. */
export async function complaintAbout(text: string, environment: Variables = {}): Promise<string> {
  await using folder = await ConfigFolder.create({ 'entrepot.yml': text });
  return complaintOf(() => folder.load(environment)).replaceAll(folder.path, '');
}
