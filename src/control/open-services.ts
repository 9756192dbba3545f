import type { Clock } from '../base/clock.ts';
import { CareError } from '../cache/care/care-error.ts';
import { FolderLock } from '../store/sqlite/folder-lock.ts';
import { StoreError } from '../store/store-error.ts';
import type { Logger } from '../telemetry/log.ts';
import { ControlClient } from './control-client.ts';
import { remoteServices } from './remote-services.ts';
import type { ControlServices } from './services.ts';

/** The services of a data folder, until this is disposed of. */
export interface OpenServices extends AsyncDisposable {
  readonly services: ControlServices;
}

export interface OpenServicesDeps {
  /** The data folder. Made if need be. */
  readonly folder: string;
  /** Opens the stores in it. The folder is locked by then, until the result is disposed of. */
  readonly open: () => Promise<OpenServices>;
  readonly clock: Clock;
  readonly logger?: Pick<Logger, 'warn'>;
  /** Ends the waiting, and requests to a server. */
  readonly signal: AbortSignal;
  /** How long to wait for another command, or a server that starts or stops, in milliseconds. */
  readonly timeLimitMs?: number;
}

const retryMs = 100;

/**
 * The data has one owner, which has locked the folder: either this process locks it and uses the stores
 * itself, or the server that has locked it does the work.
 *
 * @throws {CareError} `unavailable` when the folder is locked and no server answers, as with another command
 * @throws {StoreError} when the folder or what is in it cannot be used
 */
export async function openServices(deps: OpenServicesDeps): Promise<OpenServices> {
  const { folder, open, clock, logger, signal, timeLimitMs = 10_000 } = deps;
  const client = new ControlClient(folder, signal);
  const end = clock.monotonic() + timeLimitMs;
  for (;;) {
    await using closing = new AsyncDisposableStack();
    const lock = await lockUnlessInUse(folder, logger);
    if (lock !== undefined) {
      closing.defer(() => lock.release());
      const { services } = closing.use(await open());
      return opened(services, closing.move());
    }
    if (await client.isAnswered()) return opened(remoteServices(client), closing.move());
    if (clock.monotonic() >= end) throw new CareError('unavailable', occupied(folder));
    await clock.sleep(retryMs, signal);
  }
}

function opened(services: ControlServices, closing: AsyncDisposableStack): OpenServices {
  return { services, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}

/** Undefined while another process has locked it. */
async function lockUnlessInUse(
  folder: string,
  logger: OpenServicesDeps['logger'],
): Promise<FolderLock | undefined> {
  try {
    return await FolderLock.take(folder, logger);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'IN_USE') return undefined;
    throw error;
  }
}

function occupied(folder: string): string {
  return `another entrepot command works in ${folder}, or a server that made no control socket there: try again when it is done`;
}
