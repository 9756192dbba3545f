import type { Clock } from '../base/clock.ts';
import { openCache } from './cache.ts';
import { composeUpstream, lazyAuthorities } from './upstreams.ts';
import type { AuthConfig, Config } from '../config/config.ts';
import { ControlServer } from '../control/control-server.ts';
import { composeHttp, type BoundAddress, type HttpSettings, type RunningHttp } from '../http/compose.ts';
import { composeMirror } from '../mirror/compose.ts';
import { FolderLock } from '../store/sqlite/folder-lock.ts';
import type { Logger } from '../telemetry/log.ts';

export interface EntrepotDependencies {
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface RunningEntrepot {
  /** What it listens on, such as `http://127.0.0.1:5000`. */
  readonly addresses: readonly string[];
  /** What it listens on without logins, beside those that have them; undefined for nothing. */
  readonly publicAddress: string | undefined;
  /** What it listens on for one upstream each. */
  readonly bound: readonly BoundAddress[];
  /** Reads certificates and the password file again; what cannot be used is logged, and what was in use stays. Never rejects. */
  reload(): Promise<void>;
  /** Lets requests under way end within `draintimeout`, then closes everything. Partial blobs are kept. */
  close(): Promise<void>;
}

/**
 * Builds Entrepot out of its configuration and starts it. No upstream is asked: it starts without any.
 * Rejects with StoreError when the data folder cannot be used, and with ListenError when a port is taken.
 */
export async function startEntrepot(
  config: Config,
  { logger, clock }: EntrepotDependencies,
): Promise<RunningEntrepot> {
  await using closing = new AsyncDisposableStack();
  const http = await open(config, { logger, clock }, closing);
  const opened = closing.move();
  return {
    addresses: [http.address],
    publicAddress: http.publicAddress,
    bound: http.bound,
    reload: () => http.reload(),
    close: () => opened.disposeAsync(),
  };
}

/** Builds each part before those that use it, and notes how to close it; parts are closed in reverse order. */
async function open(
  config: Config,
  { logger, clock }: EntrepotDependencies,
  closing: AsyncDisposableStack,
): Promise<RunningHttp> {
  const random = Math.random;
  const root = config.storage.rootdirectory;
  const lock = await FolderLock.take(root, logger);
  closing.defer(() => lock.release());
  const cache = await openCache(config, { clock, logger, serves: true });
  closing.defer(() => cache.close());

  const authorities = lazyAuthorities(config.systemStores);
  const dependencies = { timeouts: config.timeouts, authorities, clock, logger, random };
  const upstreams = config.upstreams.map((upstream) => {
    const running = composeUpstream(upstream, dependencies);
    closing.defer(() => running.close());
    return running.upstream;
  });

  const running = await composeMirror({
    upstreams,
    plain: config.plain,
    access: config.access,
    canLogIn: hasLogins(config.auth),
    content: cache.content,
    metadata: cache.metadata,
    space: cache.space,
    pullAheadCounter: cache.pullAheadCounter,
    clock,
    logger,
    random,
  });
  closing.defer(() => running.close());
  cache.space.start();
  const { caretaker, scrubber } = cache.care;
  scrubber.start();
  closing.defer(() => scrubber.stop());
  closing.use(await ControlServer.open({ folder: root, caretaker, clock, logger }));

  const { mirror } = running;
  const http = await composeHttp(httpSettings(config), { mirror, clock, logger });
  closing.defer(() => http.close());
  return http;
}

function hasLogins({ htpasswd, token, passthrough }: AuthConfig): boolean {
  return htpasswd !== undefined || token !== undefined || passthrough;
}

function httpSettings(config: Config): HttpSettings {
  const { http, storage, upstreams, auth, access, catalogMaxEntries, tagsMax } = config;
  return {
    ...http,
    bound: upstreams.flatMap(({ name, listen }) =>
      listen === undefined ? [] : [{ addr: listen, upstream: name }],
    ),
    hosts: new Map(upstreams.flatMap(({ name, hosts }) => hosts.map((host) => [host, name] as const))),
    authentication: { ...auth, groups: access.groups, closed: access.anonymous === 'deny' },
    maxCatalogEntries: catalogMaxEntries,
    maxTags: tagsMax,
    deletions: storage.deleteEnabled,
  };
}
