import type { Certificate } from '../certificate.ts';
import { ProcessTree } from '../process-tree.ts';
import type { Processes, Service } from '../processes.ts';
import { untilAnswered } from '../port.ts';

/** What a peer is started with. */
export interface PeerSetting {
  readonly processes: Processes;
  readonly upstream: URL;
  /** Empty, and the peer's own: for its configuration, its store and its logs. */
  readonly folder: string;
  /** With it the peer speaks HTTPS only. */
  readonly certificate?: Certificate | undefined;
  /** What it is to take from upstream at most, in bytes a second, if it can be told. */
  readonly maxRate?: number | undefined;
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
  /** Authority that signed its certificate, PEM; none without TLS. */
  readonly ca: string | undefined;
  readonly tree: ProcessTree;
  /** Milliseconds from its start to its first answer. */
  readonly startedIn: number;
  readonly #service: Service;

  private constructor(url: URL, ca: string | undefined, service: Service, startedIn: number) {
    this.url = url;
    this.ca = ca;
    this.tree = new ProcessTree(service.pid);
    this.startedIn = startedIn;
    this.#service = service;
  }

  /** Waits until `service` answers at `port` of 127.0.0.1, by HTTPS when `setting` has a certificate. */
  static async answering(port: number, service: Service, { certificate }: PeerSetting): Promise<RunningPeer> {
    const url = new URL(`${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}/`);
    await untilAnswered(new URL('/v2/', url), service.failed, certificate?.ca);
    return new RunningPeer(url, certificate?.ca, service, performance.now() - service.startedAt);
  }

  stop(): Promise<void> {
    return this.#service.stop();
  }
}
