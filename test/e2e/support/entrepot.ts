import { fileURLToPath } from 'node:url';
import { Child } from '../../support/child.ts';
import { writeConfigurationFile, type Sections } from '../../support/configuration-file.ts';
import { freePort } from '../../support/free-port.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { showWhenFailed } from './logs.ts';

/** The entry point, to be run by this process's Node. */
export const entrepotMain = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface EntrepotOptions {
  /** Sections of its configuration file; `http` besides its address. */
  readonly sections: Sections & { readonly http?: Sections };
  /** Set in its environment besides this process's. */
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Entrepot as its users run it: a process with a configuration file. It keeps its port and its folder over
 * restarts, as clients and caches expect.
 */
export class Entrepot implements AsyncDisposable {
  /** Its origin. */
  readonly url: string;
  /** The configuration that it runs with. */
  readonly configuration: string;
  readonly #folder: TempFolder;
  readonly #environment: NodeJS.ProcessEnv;
  #process: Child | undefined;

  private constructor(
    folder: TempFolder,
    url: string,
    configuration: string,
    environment: NodeJS.ProcessEnv,
  ) {
    this.#folder = folder;
    this.url = url;
    this.configuration = configuration;
    this.#environment = environment;
  }

  /** Resolves when it is ready. A text is the one registry that it mirrors, by its origin. */
  static async start(given: string | EntrepotOptions): Promise<Entrepot> {
    const { sections, environment = {} } =
      typeof given === 'string' ? { sections: { proxy: { remoteurl: given } } } : given;
    const http: Sections = 'http' in sections ? sections.http : {};
    const address = `127.0.0.1:${await freePort()}`;
    const folder = await TempFolder.create();
    const configuration = await writeConfigurationFile(folder, {
      ...sections,
      http: { ...http, addr: address },
    });
    const scheme = 'tls' in http ? 'https' : 'http';
    const entrepot = new Entrepot(folder, `${scheme}://${address}`, configuration, {
      ...process.env,
      ...environment,
    });
    await using cleanup = new AsyncDisposableStack();
    cleanup.use(entrepot);
    await entrepot.#serve();
    cleanup.move();
    return entrepot;
  }

  /** Host and port, as clients name a registry. */
  get host(): string {
    return new URL(this.url).host;
  }

  /** All that it has written since it was last started; it writes its log in batches. */
  get output(): string {
    return this.#process?.output ?? '';
  }

  /** Resolves when it has logged that since it was last started. */
  async logged(pattern: RegExp): Promise<void> {
    await this.#process?.waitFor(pattern);
  }

  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Ends it as a service manager would. Its store stays. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const { code } = await child.exited();
    if (code !== 0) throw new Error(`Entrepot exited with ${code} after SIGTERM:\n${child.output}`);
  }

  /** Ends it and starts it again with the same configuration. */
  async restart(): Promise<void> {
    await this.stop();
    await this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop();
    await this.#folder.remove();
  }

  async #serve(): Promise<void> {
    const child = new Child(process.execPath, [entrepotMain, 'serve', this.configuration], {
      env: this.#environment,
    });
    this.#process = child;
    showWhenFailed('entrepot', child);
    await child.waitFor(/"msg":"ready"/u, 15_000);
  }
}

/** Whether `GET /v2/` is answered with 200. */
export async function answersRegistryApi(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/v2/`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
