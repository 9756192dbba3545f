import type { ServerState } from '../cache/care/stats-reader.ts';
import type { WarmSchedule } from '../mirror/warm/schedule/warm-schedule.ts';
import type { Connectivity } from '../upstream/connectivity.ts';
import type { Throttle } from '../upstream/throttle/throttle.ts';

interface ServerStatusDeps {
  readonly connectivity: Connectivity;
  readonly throttle: Throttle;
}

/** What statistics tell of a server. It is needed before all of the server is there. */
export class ServerStatus implements ServerState {
  /** Undefined where nothing is to be warmed. */
  warming: WarmSchedule | undefined;
  readonly #deps: ServerStatusDeps;

  constructor(deps: ServerStatusDeps) {
    this.#deps = deps;
  }

  offline(): boolean {
    return this.#deps.connectivity.isOffline;
  }

  maxRate(): number | undefined {
    return this.#deps.throttle.limitOf(undefined);
  }

  nextWarmAt(): number | undefined {
    return this.warming?.nextAt;
  }
}
