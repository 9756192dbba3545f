import { fileURLToPath } from 'node:url';
import { Child, type ChildExit } from './child.ts';
import { writeConfigurationFile, type Sections } from './configuration-file.ts';
import { TempFolder } from './temp-folder.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface EntrepotProcessOptions {
  /** The upstream's origin. */
  readonly remoteUrl: string;
  /** Such as `5s`. */
  readonly draintimeout?: string;
  /** Keys of `storage` besides the folder. */
  readonly storage?: Sections;
  /** Other sections of the configuration, each in place of its default. */
  readonly sections?: Sections;
}

/** Entrepot as a process of its own, with a folder that outlives it: to be killed, drained and measured. */
export class EntrepotProcess implements AsyncDisposable {
  readonly #folder: TempFolder;
  #child: Child;
  #url = '';

  private constructor(folder: TempFolder, child: Child) {
    this.#folder = folder;
    this.#child = child;
  }

  static async start(options: EntrepotProcessOptions): Promise<EntrepotProcess> {
    const { remoteUrl, draintimeout = '5s', storage = {}, sections = {} } = options;
    const folder = await TempFolder.create();
    await writeConfigurationFile(folder, {
      http: { addr: '127.0.0.1:0', draintimeout },
      proxy: { remoteurl: remoteUrl },
      storage: { filesystem: { rootdirectory: folder.join('data') }, ...storage },
      ...sections,
    });
    const entrepot = new EntrepotProcess(folder, launch(folder));
    try {
      await entrepot.#ready();
    } catch (error) {
      await entrepot[Symbol.asyncDispose]();
      throw error;
    }
    return entrepot;
  }

  /** Its origin, which is another one after each start. */
  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The file that it runs with. */
  get configuration(): string {
    return this.#folder.join('config.yml');
  }

  /** Where it stores. */
  get data(): string {
    return this.#folder.join('data');
  }

  /** What it has written since it was last started. */
  get output(): string {
    return this.#child.output;
  }

  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async exited(ms?: number): Promise<ChildExit> {
    return this.#child.exited(ms);
  }

  /** Starts it on the same folder, after it has ended. */
  async restart(): Promise<void> {
    this.#child = launch(this.#folder);
    await this.#ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    await this.#folder.remove();
  }

  async #ready(): Promise<void> {
    const [, address = ''] = await this.#child.waitFor(/"addresses":\["([^"]+)"\].*"msg":"ready"/, 20_000);
    this.#url = address;
  }
}

function launch(folder: TempFolder): Child {
  return new Child(process.execPath, [main, 'serve', folder.join('config.yml')]);
}
