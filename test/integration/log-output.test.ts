import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { eventually, within } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { TempFolder } from '../support/temp-folder.ts';

/** A server whose output does not arrive. */
class Unheard implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #url: string;
  readonly #process: ChildProcess;
  readonly #exit: Promise<unknown[]>;

  private constructor(folder: TempFolder, port: number, output: 'pipe' | number) {
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}/v2/`;
    this.#process = spawn(process.execPath, [main, 'serve'], {
      cwd: folder.path,
      env: {
        PATH: process.env['PATH'],
        REGISTRY_HTTP_ADDR: `127.0.0.1:${port}`,
        REGISTRY_LOG_FORMATTER: 'json',
      },
      stdio: ['ignore', output, 'inherit'],
    });
    this.#exit = once(this.#process, 'exit');
  }

  /** @param output where it writes */
  static async start(output: 'pipe' | number): Promise<Unheard> {
    const server = new Unheard(await TempFolder.create(), await freePort(), output);
    await eventually(60_000, 'the start', async () => (await server.answers()) === 200);
    return server;
  }

  get output(): Readable | null {
    return this.#process.stdout;
  }

  /** The status of its answer; undefined without one. */
  async answers(): Promise<number | undefined> {
    try {
      const response = await fetch(this.#url);
      await response.text();
      return response.status;
    } catch {
      return undefined;
    }
  }

  /** Its exit code and the signal that ended it. */
  async stop(): Promise<unknown[]> {
    this.#process.kill('SIGTERM');
    return within(60_000, 'its end', this.#exit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exit;
    await this.#folder.remove();
  }
}

describe('a server whose log goes nowhere', () => {
  it('goes on serving when nobody reads its output any more', async () => {
    await using server = await Unheard.start('pipe');
    server.output?.destroy();

    for (let round = 0; round < 3; round += 1) {
      expect(await server.answers()).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }

    expect(await server.stop()).toEqual([0, null]);
  });

  it('ends as it is told to though its reader has just gone away', async () => {
    await using server = await Unheard.start('pipe');
    await server.answers();
    server.output?.destroy();

    expect(await server.stop()).toEqual([0, null]);
  });

  it('serves and ends though the disk of its log is full', async () => {
    const full = await open('/dev/full', 'w');
    await using server = await Unheard.start(full.fd);
    await full.close();

    for (let round = 0; round < 3; round += 1) {
      expect(await server.answers()).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }

    expect(await server.stop()).toEqual([0, null]);
  });
});
