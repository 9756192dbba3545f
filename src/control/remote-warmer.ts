import type { Warmer } from '../mirror/warm/warmer.ts';
import type { ControlClient } from './control-client.ts';
import { operations } from './operations.ts';

/** The warmer of the server that has the data folder, through its control socket. */
export function remoteWarmer(client: ControlClient): Warmer {
  return { warm: (options) => client.ask(operations.warm, options) };
}
