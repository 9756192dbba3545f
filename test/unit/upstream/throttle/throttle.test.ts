import { describe, expect, it } from 'vitest';
import { parseUpstreamName } from '../../../../src/oci/reference.ts';
import type { Meter } from '../../../../src/upstream/throttle/meter.ts';
import { Share } from '../../../../src/upstream/throttle/share.ts';
import { Throttle } from '../../../../src/upstream/throttle/throttle.ts';
import { TestClock } from '../../../support/test-clock.ts';

const hub = parseUpstreamName('docker.io') ?? expect.fail('a name');
const ghcr = parseUpstreamName('ghcr.io') ?? expect.fail('a name');
const mebibyte = 2 ** 20;

/** A connection over which as much comes as may, 2 MiB each millisecond, in pieces of 32 KiB. */
class Connection {
  received = 0;
  readonly meter: Meter;
  #held: PromiseWithResolvers<void> | undefined;
  #isOver = false;

  constructor(clock: TestClock, meter: Meter) {
    this.meter = meter;
    void this.#receive(clock);
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  end(): void {
    this.#isOver = true;
    this.#held?.resolve();
    this.meter.end();
  }

  async #receive(clock: TestClock): Promise<void> {
    for (let pieces = 1; !this.#isOver; pieces += 1) {
      this.received += 32 * 1024;
      const held = Promise.withResolvers<void>();
      if (!this.meter.took(32 * 1024, held.resolve)) {
        this.#held = held;
        await held.promise;
        this.#held = undefined;
      }
      if (pieces % 64 === 0) await clock.sleep(1);
    }
  }
}

function fixture(limits: { readonly all?: number; readonly ghcr?: number } = {}) {
  const clock = new TestClock();
  const throttle = new Throttle(clock);
  throttle.limit(undefined, limits.all);
  throttle.limit(ghcr, limits.ghcr);
  const connect = (share?: Share, upstream = hub): Connection =>
    new Connection(clock, throttle.of(upstream).blob(share));
  return { clock, throttle, connect };
}

/** Mebibytes that each received in so many seconds of the clock. */
async function received(
  clock: TestClock,
  seconds: number,
  ...connections: readonly Connection[]
): Promise<readonly number[]> {
  const before = connections.map((connection) => connection.received);
  await clock.advance(seconds * 1000);
  return connections.map((connection, index) => (connection.received - (before[index] ?? 0)) / mebibyte);
}

describe('a limit of the bandwidth', () => {
  it.each([64 * 1024, mebibyte, 30 * mebibyte])('of %i bytes a second is kept, and used', async (all) => {
    const { clock, connect } = fixture({ all });
    const connections = [connect(), connect(), connect()];

    const rates = await received(clock, 60, ...connections);

    const total = rates.reduce((sum, rate) => sum + rate, 0) / 60;
    expect(total).toBeGreaterThan((0.98 * all) / mebibyte);
    // The burst at the beginning, and what was granted and not taken yet.
    expect(total).toBeLessThan((1.03 * all) / mebibyte);
  });

  it('is none where none is set: nothing ever waits', async () => {
    const { clock, connect } = fixture();
    const connection = connect();

    expect(await received(clock, 1, connection)).toEqual([(64 * 1000) / 32]);
    expect(connection.meter.heldMs).toBe(0);
    expect(clock.sleeping).toBe(1);
  });

  it('is shared by downloads, not by connections', async () => {
    const { clock, connect } = fixture({ all: 8 * mebibyte });
    const many = new Share();
    const connections = [connect(many), connect(many), connect(many)];
    const alone = connect(new Share());

    const [one = 0, two = 0, three = 0, other = 0] = await received(clock, 20, ...connections, alone);

    expect((one + two + three) / 20).toBeCloseTo(4, 0);
    expect(other / 20).toBeCloseTo(4, 0);
  });

  it('gives a newcomer its share at once, and no more for having been away', async () => {
    const { clock, connect } = fixture({ all: 8 * mebibyte });
    const first = connect();
    await received(clock, 60, first);
    const second = connect();

    const [one = 0, two = 0] = await received(clock, 10, first, second);

    expect(one / 10).toBeCloseTo(4, 0);
    expect(two / 10).toBeCloseTo(4, 0);
  });

  it('lets clients go first, and the background have a tenth', async () => {
    const { clock, connect } = fixture({ all: 10 * mebibyte });
    const background = connect(new Share(true));
    const client = connect(new Share());

    const [ahead = 0, pulled = 0] = await received(clock, 30, background, client);
    expect(ahead / 30).toBeCloseTo(1, 0);
    expect(pulled / 30).toBeCloseTo(9, 0);

    client.end();
    expect((await received(clock, 10, background))[0]).toBeCloseTo(100, -1);
  });

  it('has a download that a client joins count as one', async () => {
    const { clock, connect } = fixture({ all: 10 * mebibyte });
    const share = new Share(true);
    const [joined, client] = [connect(share), connect()];
    await received(clock, 1, joined, client);

    share.promote();

    const [one = 0, other = 0] = await received(clock, 30, joined, client);
    expect(one / 30).toBeCloseTo(5, 0);
    expect(other / 30).toBeCloseTo(5, 0);
  });

  it('of one upstream leaves the rest to others', async () => {
    const { clock, connect } = fixture({ all: 10 * mebibyte, ghcr: 2 * mebibyte });
    const slow = connect(undefined, ghcr);
    const fast = connect(undefined, hub);

    const [limited = 0, rest = 0] = await received(clock, 30, slow, fast);

    expect(limited / 30).toBeCloseTo(2, 0);
    expect(rest / 30).toBeCloseTo(8, 0);
  });

  it('is changed while bytes come, and lifted', async () => {
    const { clock, throttle, connect } = fixture({ all: 64 * 1024 });
    const connection = connect();
    await received(clock, 5, connection);

    throttle.limit(undefined, 4 * mebibyte);
    const [faster = 0] = await received(clock, 10, connection);
    throttle.limit(undefined, undefined);
    const [free = 0] = await received(clock, 1, connection);
    throttle.limit(undefined, mebibyte);
    const [slower = 0] = await received(clock, 10, connection);

    expect(faster / 10).toBeCloseTo(4, 0);
    expect(free).toBeGreaterThan(1900);
    expect(slower / 10).toBeCloseTo(1, 0);
  });

  it('counts what is small, which never waits', async () => {
    const { clock, throttle, connect } = fixture({ all: mebibyte });
    const { small } = throttle.of(hub);
    const connection = connect();
    await received(clock, 1, connection);

    for (let times = 0; times < 20; times += 1) expect(small.took(256 * 1024, () => undefined)).toBe(true);

    // 5 MiB of manifests take five seconds.
    const [meanwhile = 0] = await received(clock, 5, connection);
    expect(meanwhile).toBeLessThan(0.5);
    expect((await received(clock, 10, connection))[0]).toBeCloseTo(10, 0);
  });

  it('forgets who leaves, whose turn goes to the others', async () => {
    const { clock, connect } = fixture({ all: mebibyte });
    const [first, second] = [connect(), connect()];
    await received(clock, 2, first, second);
    expect(first.isHeld || second.isHeld).toBe(true);

    first.end();

    expect((await received(clock, 10, second))[0]).toBeCloseTo(10, 0);
    second.end();
    await clock.advance(10);
    expect(clock.sleeping).toBe(0);
  });

  it('tells how long it has made a connection wait', async () => {
    const { clock, connect } = fixture({ all: mebibyte });
    const connection = connect();

    await received(clock, 10, connection);

    expect(connection.meter.heldMs).toBeGreaterThan(9000);
  });
});
