import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Title } from './catalogue.ts';
import { compare, noteAttempt, notePull, type Model } from './model.ts';
import { catalogue, type World } from './world.ts';

export type Command = fc.AsyncCommand<Model, World>;

class Pull implements Command {
  readonly #title: Title;
  readonly #platform: number;

  constructor(title: Title, platform: number) {
    this.#title = title;
    this.#platform = platform;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, world: World): Promise<void> {
    await world.pull(this.#title, this.#platform);
    const { images } = this.#title;
    const image = images[this.#platform % images.length];
    assert.ok(image !== undefined);
    notePull(model, this.#title, [image.config, ...image.layers]);
    await compare(model, world);
    if (model.pinned.size > 0) return;
    assert.ok(model.seen.whole.has(image.digest), 'what was pulled just now is there');
  }

  toString(): string {
    return `pull ${this.#title.tag} ${this.#platform}`;
  }
}

/** A client that gives up in the middle. */
class PullHalf implements Command {
  readonly #title: Title;

  constructor(title: Title) {
    this.#title = title;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, world: World): Promise<void> {
    await world.pull(this.#title, 0, 1);
    notePull(
      model,
      this.#title,
      this.#title.images.slice(0, 1).map(({ config }) => config),
    );
    await compare(model, world);
  }

  toString(): string {
    return `pull half of ${this.#title.tag}`;
  }
}

/** A crash in the middle of a pull, and of what the pull makes necessary. */
class Crash implements Command {
  readonly #title: Title;
  readonly #calls: number;

  constructor(title: Title, calls: number) {
    this.#title = title;
    this.#calls = calls;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, world: World): Promise<void> {
    await world.crash(this.#calls, async () => {
      await world.pull(this.#title, 0);
      await world.fixture.settled();
    });
    noteAttempt(model, this.#title);
    // `multi` and `arm` have an image in common.
    if (['multi', 'arm'].includes(this.#title.tag))
      for (const tag of ['multi', 'arm']) model.used.delete(tag);
    await compare(model, world, [this.#title.tag, 'multi', 'arm']);
  }

  toString(): string {
    return `crash ${this.#calls} calls into a pull of ${this.#title.tag}`;
  }
}

class Restart implements Command {
  check(): boolean {
    return true;
  }

  async run(model: Model, world: World): Promise<void> {
    const { tags } = model.seen;
    await world.fixture.restart();
    await compare(model, world);
    assert.deepEqual(model.seen.tags, tags, 'tags after a restart');
  }

  toString(): string {
    return 'restart';
  }
}

/** Time passes, or somebody sets the clock. */
class Time implements Command {
  readonly #passes: boolean;
  readonly #ms: number;

  constructor(passes: boolean, ms: number) {
    this.#passes = passes;
    this.#ms = ms;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, world: World): Promise<void> {
    if (this.#passes) await world.fixture.clock.advance(this.#ms);
    else world.fixture.clock.set(this.#ms);
    await compare(model, world);
  }

  toString(): string {
    return `${this.#passes ? 'wait' : 'set the clock by'} ${this.#ms} ms`;
  }
}

class Pin implements Command {
  readonly #title: Title;

  constructor(title: Title) {
    this.#title = title;
  }

  check({ pinned }: Readonly<Model>): boolean {
    // Two pinned images might leave no room for a third.
    return pinned.size === 0;
  }

  async run(model: Model, world: World): Promise<void> {
    await world.fixture.space.pins.add(world.pattern(this.#title));
    model.pinned.add(this.#title.tag);
    await compare(model, world);
  }

  toString(): string {
    return `pin ${this.#title.tag}`;
  }
}

class Unpin implements Command {
  readonly #title: Title;

  constructor(title: Title) {
    this.#title = title;
  }

  check({ pinned }: Readonly<Model>): boolean {
    return pinned.has(this.#title.tag);
  }

  async run(model: Model, world: World): Promise<void> {
    assert.ok(await world.fixture.space.pins.remove(world.pattern(this.#title)), 'there was such a pin');
    model.pinned.delete(this.#title.tag);
    await compare(model, world);
  }

  toString(): string {
    return `unpin ${this.#title.tag}`;
  }
}

class Prune implements Command {
  readonly #share: number;

  constructor(share: number) {
    this.#share = share;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, world: World): Promise<void> {
    const { bytes, databaseBytes } = await world.fixture.metadata.evictions.usage();
    const toBytes = databaseBytes + Math.floor(bytes * this.#share);
    const told = [];
    for await (const image of world.fixture.space.evictor.prune({ toBytes, dryRun: false })) {
      told.push(image);
    }
    await compare(model, world);
    if (model.pinned.size > 0) return;
    const after = await world.fixture.metadata.evictions.usage();
    assert.ok(after.bytes + after.databaseBytes <= toBytes, 'more is left than was asked for');
    if (bytes > 0 && this.#share < 1) assert.ok(told.length > 0, 'images are told of');
  }

  toString(): string {
    return `prune to ${this.#share}`;
  }
}

class Remove implements Command {
  readonly #title: Title;

  constructor(title: Title) {
    this.#title = title;
  }

  check({ pinned, seen }: Readonly<Model>): boolean {
    // Of a family that is pinned in part nothing is removed here.
    return seen.tags.has(this.#title.tag) && pinned.size === 0;
  }

  async run(model: Model, world: World): Promise<void> {
    await world.remove(this.#title);
    model.used.delete(this.#title.tag);
    await compare(model, world, [this.#title.tag]);
    assert.ok(!model.seen.tags.has(this.#title.tag), 'the tag is gone');
  }

  toString(): string {
    return `remove ${this.#title.tag}`;
  }
}

const title = fc.constantFrom(...catalogue);
const year = 365 * 24 * 3_600_000;

/** What happens to a cache, pulls most of all. */
export const commands: readonly fc.Arbitrary<Command>[] = [
  ...Array.from({ length: 4 }, () =>
    fc.tuple(title, fc.nat(1)).map(([one, platform]) => new Pull(one, platform)),
  ),
  title.map((one) => new PullHalf(one)),
  fc.tuple(title, fc.nat(60)).map(([one, calls]) => new Crash(one, calls)),
  fc.constant(new Restart()),
  fc.constantFrom(1000, 40_000, 3_600_000).map((ms) => new Time(true, ms)),
  fc.constantFrom(-10 * year, -3_600_000, 3_600_000, 10 * year).map((ms) => new Time(false, ms)),
  title.map((one) => new Pin(one)),
  title.map((one) => new Unpin(one)),
  fc.constantFrom(0, 0.3, 0.8).map((share) => new Prune(share)),
  title.map((one) => new Remove(one)),
];
