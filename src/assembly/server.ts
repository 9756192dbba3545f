import type { Clock } from '../base/clock.ts';
import { Hops } from '../base/hops.ts';
import { openCache } from './cache.ts';
import { composeThrottle, maxRateOf } from './throttle.ts';
import { ServerStatus } from './server-status.ts';
import { composeWarming } from './warming.ts';
import { openMirror } from './mirror.ts';
import type { Config } from '../config/config.ts';
import { upstreamControl } from '../control/upstream-control.ts';
import { ControlServer } from '../control/control-server.ts';
import { composeHttp, type BoundAddress, type HttpSettings } from '../http/compose.ts';
import { FolderLock } from '../store/sqlite/folder-lock.ts';
import type { Logger } from '../telemetry/log.ts';
import { Connectivity } from '../upstream/connectivity.ts';

interface EntrepotDeps {
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * When disposed of, lets requests under way end within `draintimeout`, then closes all. Keeps partial blobs.
 */
export interface RunningEntrepot extends AsyncDisposable {
  /** What it listens on, such as `http://127.0.0.1:5000`. */
  readonly addresses: readonly string[];
  /** The address without logins beside those with logins, if there is one. */
  readonly publicAddress: string | undefined;
  /** What it listens on for one upstream each. */
  readonly bound: readonly BoundAddress[];
  /**
   * Reads certificates and the password file again. Never rejects: the old ones stay if the new are unusable.
   */
  reload(): Promise<void>;
}

/**
 * Builds Entrepot from its configuration and starts it, each part before those that use it. No upstream is
 * asked. Rejects with StoreError when the data folder cannot be used, and with ListenError when a port is
 * taken.
 */
export async function startEntrepot(config: Config, deps: EntrepotDeps): Promise<RunningEntrepot> {
  await using closing = new AsyncDisposableStack();
  const folder = config.storage.rootdirectory;
  const lock = await FolderLock.take(folder, deps.logger);
  closing.defer(() => lock.release());
  const connectivity = new Connectivity(config.offline);
  const throttle = composeThrottle(config, deps.clock);
  const server = new ServerStatus({ connectivity, throttle });
  const cache = closing.use(await openCache(config, { ...deps, server }));

  const hops = new Hops();
  const shared = { ...deps, connectivity, throttle, cache, hops };
  const { mirror, warmer } = closing.use(await openMirror(config, shared));
  cache.space.start();
  const { caretaker, scrubber } = cache.care;
  scrubber.start();
  closing.use(scrubber);
  server.warming = config.warm && closing.use(composeWarming(config.warm, { ...shared, folder, warmer }));
  const control = upstreamControl({
    ...shared,
    upstreams: config.upstreams.map(({ name }) => name),
    atStart: { offline: config.offline, rateOf: (upstream) => maxRateOf(config, upstream) },
  });
  const services = { caretaker, transfer: cache.transfer, warmer, upstreams: control };
  closing.use(await ControlServer.open({ ...deps, folder, services }));

  const http = await composeHttp(httpSettings(config), { ...deps, hops, mirror });
  closing.use(http);
  server.warming?.start();
  const opened = closing.move();
  return {
    addresses: [http.address],
    publicAddress: http.publicAddress,
    bound: http.bound,
    reload: () => http.reload(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
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
