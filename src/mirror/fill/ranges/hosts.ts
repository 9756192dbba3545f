import type { Clock } from '../../../base/clock.ts';
import { getOrMake } from '../../../base/get-or-make.ts';
import { lru } from '../../../base/lru.ts';

/** What helped a blob is taken to help the next ones for so long, in milliseconds. */
const memoryMs = 2 * 60_000;
const maxHosts = 1_000;

/** A host that blobs come from: how many connections they have to it, and how many helped lately. */
export class Host {
  readonly name: string;
  readonly #clock: Clock;
  #connections = 0;
  #helpful: { readonly connections: number; readonly until: number } | undefined;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
  }

  /** Connections that blobs arrive over now. */
  get connections(): number {
    return this.#connections;
  }

  /** Counts a connection, until what it returns is called. */
  connect(): () => void {
    this.#connections += 1;
    let counts = true;
    return () => {
      if (counts) this.#connections -= 1;
      counts = false;
    };
  }

  /** With how many connections a blob should start; undefined when that has to be found out. */
  get helpful(): number | undefined {
    const known = this.#helpful;
    return known !== undefined && this.#clock.monotonic() < known.until ? known.connections : undefined;
  }

  learn(connections: number): void {
    this.#helpful = { connections, until: this.#clock.monotonic() + memoryMs };
  }
}

/** The hosts that blobs came from lately, whatever upstream led there. */
export class Hosts {
  readonly #clock: Clock;
  readonly #hosts = lru<string, Host>(maxHosts);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(name: string): Host {
    return getOrMake(this.#hosts, name, () => new Host(name, this.#clock));
  }
}
