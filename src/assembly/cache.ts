import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { composeCare, type Care } from '../cache/care/compose.ts';
import { composeTransfer, type Transfer } from '../cache/transfer/compose.ts';
import type { ServerState } from '../cache/care/stats-reader.ts';
import { PullAheadCounter } from '../cache/pull-ahead-counter.ts';
import { Routing } from '../oci/routing.ts';
import { composeSpace, type Space } from '../cache/space/compose.ts';
import type { StoreHealth } from '../cache/space/store-health.ts';
import type { ContentStore } from '../store/content-store.ts';
import { FilesystemContentStore } from '../store/filesystem/content-store.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { StoreError } from '../store/store-error.ts';
import { openMetadata } from '../store/sqlite/open-metadata.ts';
import type { Logger } from '../telemetry/log.ts';

interface CacheDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What there is to tell of the server that opens it; undefined for a command that does one thing. */
  readonly server: ServerState | undefined;
}

/** What is kept, and those who look after it; nothing runs in the background that is not started. */
export interface Cache extends AsyncDisposable {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly space: Space;
  /** Nothing but a server adds to it. */
  readonly pullAheadCounter: PullAheadCounter;
  readonly care: Care;
  readonly transfer: Transfer;
}

/**
 * Opens the cache of a configuration, whose data folder this process must have locked.
 * @throws {StoreError} when it cannot be used
 */
export async function openCache(config: Config, deps: CacheDeps): Promise<Cache> {
  const { clock, logger } = deps;
  const { storage, plain, pins, ttlMs } = config;
  const { rootdirectory: root, quotas, scrubMs } = storage;
  await using closing = new AsyncDisposableStack();
  const content = await FilesystemContentStore.open(root, { clock });
  closing.defer(() => content.close());
  const health = Promise.withResolvers<StoreHealth>();
  const tell = async (error: StoreError): Promise<void> => (await health.promise).failed(error);
  const open = (): Promise<MetadataStore> =>
    openMetadata({ root, content, clock, logger, onTrouble: (error) => void tell(error) });
  const metadata = await open().catch(async (error: unknown) => {
    // Merely to be opened, a database has to write. On a full disk that is the reserve's hour.
    const isFull = error instanceof StoreError && error.code === 'NO_SPACE';
    if (!isFull || !(await content.spendReserve())) throw error;
    // The next one to open it needs as much again.
    closing.defer(async () => void (await content.keepReserve()));
    return open();
  });
  closing.defer(() => metadata.close());
  const upstreams = config.upstreams.map(({ name }) => ({ name }));
  const names = new Routing(upstreams, plain);
  const space = composeSpace({
    content,
    metadata,
    settings: { ...storage, pins, ttlMs },
    upstreams: upstreams.map(({ name }) => name),
    names,
    clock,
    logger,
  });
  health.resolve(space.health);
  closing.use(space);
  const pullAheadCounter = new PullAheadCounter();
  const parts = { ...deps, names, space, content, metadata, limits: storage, quotas };
  const care = composeCare({ ...parts, pullAheadCounter, adopting: content, scrubMs });
  const transfer = composeTransfer(parts);
  const opened = closing.move();
  const close = (): Promise<void> => opened.disposeAsync();
  return { content, metadata, space, pullAheadCounter, care, transfer, [Symbol.asyncDispose]: close };
}
