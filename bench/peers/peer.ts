import { ProcessTree } from '../process-tree.ts';
import type { Processes, Service } from '../processes.ts';
import { untilAnswered } from '../port.ts';

/** What a peer is started with. */
export interface PeerSetting {
  readonly processes: Processes;
  readonly upstream: URL;
  /** Empty, and the peer's own: for its configuration, its store and its logs. */
  readonly folder: string;
}

/** A cache that can be measured. */
export interface Peer {
  readonly name: string;
  /** The version that its program states. */
  version(processes: Processes): Promise<string>;
  /** Starts it on an empty store; resolves when it answers. */
  start(setting: PeerSetting): Promise<RunningPeer>;
}

/** A peer at work. */
export class RunningPeer {
  readonly url: URL;
  readonly tree: ProcessTree;
  readonly #service: Service;

  private constructor(url: URL, service: Service) {
    this.url = url;
    this.tree = new ProcessTree(service.pid);
    this.#service = service;
  }

  /** Waits until `service` answers at `port` of 127.0.0.1. */
  static async answering(port: number, service: Service): Promise<RunningPeer> {
    const url = new URL(`http://127.0.0.1:${port}/`);
    await untilAnswered(new URL('/v2/', url), service.failed);
    return new RunningPeer(url, service);
  }

  stop(): Promise<void> {
    return this.#service.stop();
  }
}
