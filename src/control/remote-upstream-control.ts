import type { ControlClient } from './control-client.ts';
import { onlyItem } from './only-item.ts';
import { operations } from './operations.ts';
import type { UpstreamControl } from './upstream-control.ts';

/** How the server that has the data folder asks upstreams, through its control socket. */
export function remoteUpstreamControl(client: ControlClient): UpstreamControl {
  return {
    offline: (offline) => onlyItem(client.ask(operations.offline, { offline })),
    rates: (change) => onlyItem(client.ask(operations.maxRate, { change })),
  };
}
