import type { Caretaker } from '../cache/care/caretaker.ts';
import type { Transfer } from '../cache/transfer/compose.ts';
import type { UpstreamControl } from './upstream-control.ts';
import type { Warmer } from '../mirror/warm/warmer.ts';

/** What commands have done: by the server that has the data folder, or in the command's own process. */
export interface ControlServices {
  readonly caretaker: Caretaker;
  readonly transfer: Transfer;
  readonly upstreams: UpstreamControl;
  readonly warmer: Warmer;
}
