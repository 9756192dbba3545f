import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { z } from 'zod';
import { freePort } from '../port.ts';
import type { Processes } from '../processes.ts';
import { httpSettings } from './http-settings.ts';
import { RunningPeer, type Peer, type PeerSetting } from './peer.ts';

const packageFile = new URL('../../package.json', import.meta.url);
const entry = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const bundler = fileURLToPath(new URL('../../node_modules/.bin/rolldown', import.meta.url));
const bundlerOptions = fileURLToPath(new URL('../../rolldown.config.ts', import.meta.url));

/** Compiles Entrepot as a release has it, into `dist/`. */
export async function build(processes: Processes): Promise<void> {
  await processes.output(bundler, ['--config', bundlerOptions]);
}

/** Entrepot as released: compiled, with the settings that it has by itself, its log in a file as those of its peers. */
export class Entrepot implements Peer {
  readonly name = 'entrepot';
  readonly #nodeOptions: readonly string[];

  /** With `profiles`, a folder, each process leaves a CPU profile there. */
  constructor(profiles?: string) {
    this.#nodeOptions = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  }

  async version(): Promise<string> {
    return z.object({ version: z.string() }).parse(JSON.parse(await readFile(packageFile, 'utf8'))).version;
  }

  async start(setting: PeerSetting): Promise<RunningPeer> {
    const { processes, upstream, folder, certificate } = setting;
    const port = await freePort();
    const file = join(folder, 'entrepot.yml');
    await writeFile(
      file,
      stringify({
        version: 0.1,
        log: { level: 'info' },
        storage: { filesystem: { rootdirectory: join(folder, 'entrepot') } },
        http: httpSettings(port, certificate),
        proxy: { remoteurl: upstream.origin },
      }),
    );
    const service = processes.serve(
      process.execPath,
      [...this.#nodeOptions, entry, 'serve', file],
      join(folder, 'entrepot.log'),
    );
    return RunningPeer.answering(port, service, setting);
  }
}
