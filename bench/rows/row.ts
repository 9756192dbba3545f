import type { Figure } from '../report.ts';
import type { RunningPeer } from '../peers/peer.ts';
import type { Processes } from '../processes.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** What a row has to work with: one peer, just started on an empty store, and the upstream that it mirrors. */
export interface Bench {
  readonly processes: Processes;
  readonly upstream: Upstream;
  readonly peer: RunningPeer;
  /** The peer's own, which goes with it: a place for what else a row starts. */
  readonly folder: string;
  /** How long a timed load lasts. */
  readonly seconds: number;
}

/** One question put to every peer. */
export interface Row {
  readonly name: string;
  readonly figures: readonly Figure[];
  /** One value for the id of each figure. Leaves the upstream unpaced. */
  measure(bench: Bench): Promise<Readonly<Record<string, number>>>;
}
