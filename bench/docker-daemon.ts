import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Processes, Service } from './processes.ts';

/** How long a daemon may take until it answers, in milliseconds. */
const patience = 30_000;

/** A file system in memory, where there is one. */
const memory = '/dev/shm';

/**
 * A Docker daemon of its own, as Debian has it, that neither knows nor touches this machine's. It works in
 * memory: the client of a mirror is another machine, whose disk is not the mirror's.
 */
export class DockerDaemon implements AsyncDisposable {
  readonly #processes: Processes;
  readonly #folder: string;
  readonly #service: Service;

  private constructor(processes: Processes, folder: string, service: Service) {
    this.#processes = processes;
    this.#folder = folder;
    this.#service = service;
  }

  /** Resolves when it answers. */
  static async start(processes: Processes): Promise<DockerDaemon> {
    const folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'entrepot-bench-docker-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const service = processes.serve(
      'dockerd',
      [
        `--data-root=${join(folder, 'data')}`,
        `--exec-root=${join(folder, 'exec')}`,
        `--pidfile=${join(folder, 'pid')}`,
        `--host=${socketOf(folder)}`,
        '--bridge=none',
        '--iptables=false',
        '--ip-forward=false',
      ],
      join(folder, 'dockerd.log'),
    );
    const daemon = new DockerDaemon(processes, folder, service);
    await Promise.race([daemon.#answers(), service.failed]);
    return daemon;
  }

  /**
   * Pulls an image that it does not have yet, and forgets it with its layers. Resolves to the seconds that
   * the pull took.
   */
  async pull(image: string): Promise<number> {
    const startedAt = performance.now();
    await this.#docker('pull', '--quiet', image);
    const seconds = (performance.now() - startedAt) / 1000;
    await this.#docker('rmi', '--force', image);
    if ((await this.#docker('images', '--all', '--quiet')) !== '')
      throw new Error(`dockerd still holds layers after docker rmi ${image}`);
    return seconds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.stop();
    await this.#endContainerd();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    const giveUpAt = performance.now() + patience;
    for (;;) {
      try {
        await this.#docker('version');
        return;
      } catch (error) {
        if (performance.now() > giveUpAt) throw error;
        await sleep(100);
      }
    }
  }

  #docker(...args: readonly string[]): Promise<string> {
    const host = ['--host', socketOf(this.#folder), '--config', join(this.#folder, 'client')];
    return this.#processes.output('docker', [...host, ...args]);
  }

  /** A dockerd that had to be killed leaves the containerd that it started. */
  async #endContainerd(): Promise<void> {
    const file = join(this.#folder, 'exec', 'containerd', 'containerd.pid');
    const pid = await readFile(file, 'utf8').catch(() => undefined);
    if (pid === undefined) return;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // Gone already, as it should be.
    }
  }
}

function socketOf(folder: string): string {
  return `unix://${join(folder, 'docker.sock')}`;
}
