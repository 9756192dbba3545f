import { readFile } from 'node:fs/promises';
import { command } from './command.ts';

let rooms = 0;

/** What a program is started with, and its arguments. */
type ProgramLine = readonly [program: string, args: readonly string[]];

/**
 * A network of its own, with a way out that leads nowhere and counts what is sent there. Whoever looks up a
 * name, or tries to reach a registry, is seen.
 */
export class ClosedRoom implements AsyncDisposable {
  readonly #inside: string;
  readonly #outside: string;

  private constructor(name: string) {
    this.#inside = `${name}-in`;
    this.#outside = `${name}-out`;
  }

  static async open(): Promise<ClosedRoom> {
    rooms += 1;
    const room = new ClosedRoom(`room-${process.pid}-${rooms}`);
    await using cleanup = new AsyncDisposableStack();
    cleanup.use(room);
    for (const name of [room.#inside, room.#outside]) {
      await command('ip', ['netns', 'add', name]);
      await command('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    }
    const [near, far] = [room.#inside, room.#outside];
    await command('ip', `link add uplink netns ${near} type veth peer name gate netns ${far}`.split(' '));
    // So that nothing is sent that no program wants.
    for (const [name, link] of [
      [near, 'uplink'],
      [far, 'gate'],
    ] as const) {
      const without6 = `echo 1 > /proc/sys/net/ipv6/conf/${link}/disable_ipv6`;
      await command('ip', ['netns', 'exec', name, 'sh', '-c', without6]);
      await command('ip', ['-n', name, 'link', 'set', link, 'up']);
    }
    await command('ip', ['-n', near, 'addr', 'add', '192.0.2.2/24', 'dev', 'uplink']);
    await command('ip', ['-n', near, 'route', 'add', 'default', 'via', '192.0.2.1']);
    const gate = ['192.0.2.1', 'lladdr', '02:00:00:00:00:01', 'dev', 'uplink'];
    await command('ip', ['-n', near, 'neigh', 'add', ...gate]);
    cleanup.move();
    return room;
  }

  /** How to run a program in the room: with everything of this machine but its network. */
  within(program: string, args: readonly string[]): ProgramLine {
    return ['nsenter', [`--net=/run/netns/${this.#inside}`, program, ...args]];
  }

  /** What a program in the room prints. Rejects with CommandError. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    return command(...this.within(program, args));
  }

  /** Packets that have left the room so far. */
  async packetsOut(): Promise<number> {
    const table = await this.run('cat', '/proc/net/dev');
    const [, sent = ''] = /^\s*uplink:((?:\s+\d+){16})/mu.exec(table) ?? [];
    const packets = sent.trim().split(/\s+/u)[9];
    if (packets === undefined) throw new Error(`no way out of the room is listed:\n${table}`);
    return Number(packets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const names = await readFile('/proc/self/mounts', 'utf8');
    for (const name of [this.#inside, this.#outside]) {
      if (names.includes(`/run/netns/${name} `)) await command('ip', ['netns', 'delete', name]);
    }
  }
}

/** How to run a program: in a room, or as it is. */
export function inRoom(room: ClosedRoom | undefined, program: string, args: readonly string[]): ProgramLine {
  return room === undefined ? [program, args] : room.within(program, args);
}
