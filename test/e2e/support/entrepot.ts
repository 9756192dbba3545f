import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { Child } from '../../support/child.ts';
import { eventually } from '../../support/deadline.ts';
import { freePort } from '../../support/free-port.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { showWhenFailed } from './logs.ts';

/** The entry point, to be run by this process's Node. */
export const entrepotMain = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/**
 * Entrepot as its users run it: a process with a registry:2 configuration file. It keeps its port and its folder over
 * restarts, as clients and caches expect.
 */
export class Entrepot implements AsyncDisposable {
  readonly url: string;
  readonly #folder: TempFolder;
  #process: Child;

  private constructor(url: string, folder: TempFolder, process: Child) {
    this.url = url;
    this.#folder = folder;
    this.#process = process;
  }

  /** Resolves when it answers as a mirror of that registry. */
  static async start(remoteUrl: string): Promise<Entrepot> {
    await using resources = new AsyncDisposableStack();
    const folder = resources.use(await TempFolder.create());
    const address = `127.0.0.1:${await freePort()}`;
    await writeFile(
      folder.join('config.yml'),
      stringify({
        version: 0.1,
        log: { level: 'info', formatter: 'json' },
        storage: { filesystem: { rootdirectory: folder.join('data') } },
        http: { addr: address },
        proxy: { remoteurl: remoteUrl },
      }),
    );
    const url = `http://${address}`;
    const process = resources.use(await serve(url, folder));
    resources.move();
    return new Entrepot(url, folder, process);
  }

  /** The configuration that it runs with. */
  get configuration(): string {
    return this.#folder.join('config.yml');
  }

  /** Resolves when it has logged that since it was last started; it writes its log in batches. */
  async logged(pattern: RegExp): Promise<void> {
    await this.#process.waitFor(pattern);
  }

  /** Ends it as a service manager would. Its store stays. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    const { code } = await this.#process.exited();
    if (code !== 0) throw new Error(`Entrepot exited with ${code} after SIGTERM:\n${this.#process.output}`);
  }

  /** Ends it and starts it again with the same configuration. */
  async restart(): Promise<void> {
    await this.stop();
    this.#process = await serve(this.url, this.#folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
    await this.#folder.remove();
  }
}

async function serve(url: string, folder: TempFolder): Promise<Child> {
  await using resources = new AsyncDisposableStack();
  const child = resources.use(
    new Child(process.execPath, [entrepotMain, 'serve', folder.join('config.yml')]),
  );
  showWhenFailed('entrepot', child);
  await eventually(15_000, `Entrepot answers on ${url}`, async () => {
    if (!child.running) throw new Error(`Entrepot did not start:\n${child.output}`);
    return answersRegistryApi(url);
  });
  resources.move();
  return child;
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
