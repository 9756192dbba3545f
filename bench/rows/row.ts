import type { PeerSetting, RunningPeer } from '../peers/peer.ts';
import type { Processes } from '../processes.ts';
import type { Figure } from '../report.ts';
import type { Sample } from '../statistics.ts';
import type { Upstream } from '../upstream/upstream.ts';

/**
 * What a row has to work with: one peer, just started on an empty store, and the upstream that it mirrors.
 */
export interface Bench {
  readonly processes: Processes;
  readonly upstream: Upstream;
  readonly peer: RunningPeer;
  /** How long a timed load lasts. */
  readonly seconds: number;
  /** Starts the same peer once more, on an empty store of its own; it is the caller's to stop. */
  startAnother(options?: Pick<PeerSetting, 'maxRate'>): Promise<RunningPeer>;
  /** Keeps a fact about the measurement that is no number. */
  remark(text: string): void;
}

/** One question put to every peer. */
export interface Row {
  readonly name: string;
  readonly figures: readonly Figure[];
  /** Whether the peer is to speak HTTPS. */
  readonly tls?: boolean;
  /** One value for the id of each figure. Leaves the upstream unpaced. */
  measure(bench: Bench): Promise<Readonly<Record<string, Sample>>>;
}
