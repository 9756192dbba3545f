import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../src/oci/digest.ts';
import type { Descriptor } from '../../src/oci/manifest.ts';
import type { InFlight } from './pull.ts';

/**
 * A fill may go on for a moment after the last client that waited for it has its bytes or has left. In
 * milliseconds.
 */
const lingerMs = 3000;

/** What clients have asked for and may still be arriving. */
export class Traffic implements InFlight {
  readonly #open = new Map<Digest, { clients: number; size: number; endedAt: number }>();

  begin({ digest, size }: Descriptor): () => void {
    const entry = this.#open.get(digest) ?? { clients: 0, size, endedAt: 0 };
    entry.clients += 1;
    this.#open.set(digest, entry);
    return () => {
      entry.clients -= 1;
      entry.endedAt = Date.now();
    };
  }

  /** Bytes of all distinct content that was asked for a moment ago, at most. */
  bytes(): number {
    let sum = 0;
    for (const [digest, { clients, size, endedAt }] of this.#open) {
      if (clients > 0 || Date.now() - endedAt < lingerMs) sum += size;
      else this.#open.delete(digest);
    }
    return sum;
  }
}

/** Bytes and files below a folder; what vanishes meanwhile counts as gone. */
export async function contentOf(folder: string): Promise<{ readonly bytes: number; readonly files: number }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async ({ parentPath, name }) => (await stat(join(parentPath, name)).catch(() => undefined))?.size),
  );
  const present = sizes.filter((size) => size !== undefined);
  return { bytes: present.reduce((sum, size) => sum + size, 0), files: present.length };
}

/**
 * Descriptors that a process has open on blobs, removed ones included, and on sockets. Threads that it has
 * started have others.
 */
export async function descriptorsOf(
  pid: number,
  data: string,
): Promise<{ readonly blobs: number; readonly sockets: number }> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  const targets = await Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => '')));
  const blobs = ['blobs', 'ingest', 'quarantine'].map((name) => join(data, name, '/'));
  return {
    blobs: targets.filter((target) => blobs.some((prefix) => target.startsWith(prefix))).length,
    sockets: targets.filter((target) => target.startsWith('socket:')).length,
  };
}

/** Resident memory of a process, in bytes. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
