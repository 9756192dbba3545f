import type { Clock } from '../base/clock.ts';
import { CareError } from '../cache/care/care-error.ts';
import type { Caretaker } from '../cache/care/caretaker.ts';
import { StoreError } from '../store/store-error.ts';
import { FolderLock } from '../store/sqlite/folder-lock.ts';
import type { Logger } from '../telemetry/log.ts';
import { ControlClient } from './control-client.ts';
import { RemoteCaretaker } from './remote-caretaker.ts';

/** A caretaker of a data folder, for as long as this is not closed. */
export interface OpenCaretaker {
  readonly caretaker: Caretaker;
  close(): Promise<void>;
}

export interface OpenCaretakerOptions {
  /** The data folder. Made if need be. */
  readonly folder: string;
  /** Opens the stores in it. Called with the folder locked, which it stays until what this gives is closed. */
  readonly open: () => Promise<OpenCaretaker>;
  readonly clock: Clock;
  readonly logger?: Pick<Logger, 'warn'>;
  /** Ends the waiting, and what a server is asked. */
  readonly signal: AbortSignal;
  /** How long another command, or a server that starts or stops, is waited for, in milliseconds; 10 s if not given. */
  readonly timeLimitMs?: number;
}

const askAgainMs = 100;

/**
 * Whoever has locked the folder works on it. So either this process locks it and works on the stores itself, or the server
 * that has it does the work: never are there two owners of the data.
 *
 * @throws {CareError} `unavailable` when somebody has the folder who cannot be asked, as another command has
 * @throws {StoreError} when the folder or what is in it cannot be used
 */
export async function openCaretaker(options: OpenCaretakerOptions): Promise<OpenCaretaker> {
  const { folder, open, clock, logger, signal, timeLimitMs = 10_000 } = options;
  const client = new ControlClient(folder, signal);
  const end = clock.monotonic() + timeLimitMs;
  for (;;) {
    const lock = await takeLock(folder, logger);
    if (lock !== undefined) return openLocked(lock, open);
    if (await client.isAnswered()) {
      return { caretaker: new RemoteCaretaker(client), close: () => Promise.resolve() };
    }
    if (clock.monotonic() >= end) throw new CareError('unavailable', occupied(folder));
    await clock.sleep(askAgainMs, signal);
  }
}

/** Undefined while another process has it. */
async function takeLock(
  folder: string,
  logger: OpenCaretakerOptions['logger'],
): Promise<FolderLock | undefined> {
  try {
    return await FolderLock.take(folder, logger);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'IN_USE') return undefined;
    throw error;
  }
}

async function openLocked(lock: FolderLock, open: () => Promise<OpenCaretaker>): Promise<OpenCaretaker> {
  try {
    const opened = await open();
    return {
      caretaker: opened.caretaker,
      async close() {
        try {
          await opened.close();
        } finally {
          lock.release();
        }
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function occupied(folder: string): string {
  return `another entrepot command works in ${folder}, or a server that made no control socket there: try again when it is done`;
}
