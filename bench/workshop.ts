import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Processes } from './processes.ts';

/** Where a benchmark works; nothing of it is left when this process ends, however that comes about. */
export interface Workshop {
  readonly processes: Processes;
  readonly folder: string;
}

export function openWorkshop(prefix: string): Workshop {
  const processes = new Processes();
  const folder = mkdtempSync(join(tmpdir(), prefix));
  process.on('exit', () => {
    processes.killAll();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
  return { processes, folder };
}
