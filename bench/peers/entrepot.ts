import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { z } from 'zod';
import { freePort } from '../port.ts';
import type { Processes } from '../processes.ts';
import { httpSettings } from './http-settings.ts';
import { RunningPeer, type Peer, type PeerSetting } from './peer.ts';

/** The checkout that this benchmark belongs to. */
export const thisCheckout = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Compiles the Entrepot of a checkout, whose packages are installed, as a release has it: into its `dist/`.
 */
export async function build(processes: Processes, checkout = thisCheckout): Promise<void> {
  await processes.output('npm', ['--prefix', checkout, 'run', '--silent', 'build']);
}

export interface EntrepotOptions {
  /** `entrepot`, if not given. */
  readonly name?: string;
  /** The folder whose `dist/` is run; {@link thisCheckout} if not given. */
  readonly checkout?: string;
  /** A folder in which each process leaves a CPU profile. */
  readonly profiles?: string | undefined;
}

/**
 * Entrepot as released: compiled, with the settings that it has by itself, its log in a file as those of its
 * peers.
 */
export class Entrepot implements Peer {
  readonly name: string;
  readonly #checkout: string;
  readonly #nodeOptions: readonly string[];

  constructor({ name = 'entrepot', checkout = thisCheckout, profiles }: EntrepotOptions = {}) {
    this.name = name;
    this.#checkout = checkout;
    this.#nodeOptions = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  }

  async version(): Promise<string> {
    const text = await readFile(join(this.#checkout, 'package.json'), 'utf8');
    return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
  }

  async start(setting: PeerSetting): Promise<RunningPeer> {
    const { processes, upstream, folder, certificate, maxRate } = setting;
    const port = await freePort();
    const file = join(folder, 'entrepot.yml');
    await writeFile(
      file,
      stringify({
        version: 0.1,
        log: { level: 'info' },
        storage: { filesystem: { rootdirectory: join(folder, 'entrepot') } },
        http: httpSettings(port, certificate),
        proxy: { remoteurl: upstream.origin, ...(maxRate === undefined ? {} : { maxrate: maxRate }) },
      }),
    );
    const service = processes.serve(
      process.execPath,
      [...this.#nodeOptions, join(this.#checkout, 'dist/main.js'), 'serve', file],
      join(folder, 'entrepot.log'),
    );
    return RunningPeer.answering(port, service, setting);
  }
}
