import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import type { FaultSpec } from '../support/faults.ts';
import { makeImage, type Image } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';
import { repeats } from '../support/depth.ts';

const repository = 'library/hello';
const tags = ['latest', 'v1'] as const;
const images = [1, 2, 3].map((seed) => makeImage({ layers: [150_000, 3000], seed }));
const freshMs = 60_000;
/** Sequences begin for so long, side by side in so many worlds, since they mostly wait. */
const budgetMs = repeats(2000, 15_000);
const worlds = 4;

type Request =
  | { readonly kind: 'tag'; readonly tag: (typeof tags)[number] }
  | { readonly kind: 'manifest'; readonly image: number }
  | {
      readonly kind: 'blob';
      readonly image: number;
      readonly layer: number;
      readonly from: number | undefined;
    };

type Step =
  /** At the same time. */
  | { readonly kind: 'ask'; readonly requests: readonly Request[] }
  | { readonly kind: 'move'; readonly tag: (typeof tags)[number]; readonly image: number }
  | { readonly kind: 'fault'; readonly fault: FaultSpec }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'mend' | 'down' | 'up' | 'restart' };

const image = fc.nat(images.length - 1);
const tag = fc.constantFrom(...tags);
const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ kind: fc.constant('tag'), tag }),
  fc.record({ kind: fc.constant('manifest'), image }),
  fc.record({
    kind: fc.constant('blob'),
    image,
    layer: fc.nat(1),
    from: fc.option(fc.nat(2999), { nil: undefined }),
  }),
);

/** Every fault but a 404, which would make a 404 the truth. */
const fault: fc.Arbitrary<FaultSpec> = fc
  .record({
    on: fc.constantFrom('manifest', 'blob'),
    times: fc.integer({ min: 1, max: 3 }),
    trouble: fc.oneof(
      fc.record({ kind: fc.constantFrom('cut', 'hang-body'), afterBytes: fc.nat(200_000) }),
      fc.record({ kind: fc.constantFrom('cut', 'hang-body'), afterBytes: fc.nat(500) }),
      fc.record({ kind: fc.constant('corrupt'), atByte: fc.oneof(fc.nat(500), fc.nat(150_000)) }),
      fc.record({
        kind: fc.constantFrom('reset', 'hang', 'expired-token', 'expired-url', 'ignore-range'),
      }),
      fc.record({ kind: fc.constantFrom('no-content-length', 'wrong-manifest') }),
      fc.record({ kind: fc.constant('status'), status: fc.constantFrom(401, 403, 429, 500, 503) }),
      fc.record({ kind: fc.constant('refuse-range'), status: fc.constantFrom(403, 404, 416, 500) }),
      fc.record({ kind: fc.constant('wrong-content-range'), shift: fc.constantFrom(-1, 1, 1000) }),
      fc.record({ kind: fc.constant('wrong-content-length'), delta: fc.constantFrom(-100, -1, 1, 100) }),
    ),
  })
  .map(({ on, times, trouble }) => ({ ...trouble, on, times }));

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('ask'),
      requests: fc.array(request, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('move'), tag, image }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('fault'), fault }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('advance'), ms: fc.constantFrom(1000, 61_000, 3_600_000) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('mend', 'down', 'up', 'restart') }) },
);

/** A hub and an Entrepot, and what a client may hear of them. */
class World implements AsyncDisposable {
  /** What a client has heard and should not have. */
  readonly violations: string[] = [];
  readonly #hub: FakeHub;
  readonly #entrepot: TestEntrepot;
  /** What each tag has meant so far, and since when it has meant the last. */
  readonly #tags = new Map(tags.map((tag) => [tag, { history: images.slice(0, 1), movedAt: 0 }]));
  #down = false;
  #troubled = false;

  private constructor(hub: FakeHub, entrepot: TestEntrepot) {
    this.#hub = hub;
    this.#entrepot = entrepot;
  }

  static async open(): Promise<World> {
    const hub = await FakeHub.start();
    for (const image of images) for (const tag of tags) hub.addImage(repository, tag, image);
    for (const tag of tags) hub.moveTag(repository, tag, nth(0).digest);
    const timeouts = { connectMs: 1000, headerMs: 300, idleMs: 300 };
    return new World(hub, await TestEntrepot.start({ upstream: hub.url, timeouts }));
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'ask':
        await Promise.all(step.requests.map((request) => this.#ask(request)));
        return;
      case 'move':
        this.#hub.moveTag(repository, step.tag, nth(step.image).digest);
        this.#tags.get(step.tag)?.history.push(nth(step.image));
        this.#tags.set(step.tag, { history: this.#meanings(step.tag), movedAt: this.#entrepot.clock.now() });
        return;
      case 'fault':
        this.#troubled = true;
        this.#hub.fault(step.fault);
        return;
      case 'advance':
        this.#entrepot.clock.advance(step.ms);
        return;
      case 'mend':
        this.#troubled = false;
        this.#hub.clearFaults();
        return;
      case 'down':
        this.#down = true;
        this.#hub.down();
        return;
      case 'up':
        this.#down = false;
        await this.#hub.up();
        return;
      case 'restart':
        await this.#entrepot.restart();
        return;
    }
  }

  /** With nothing wrong any more, everything can be had. */
  async settle(): Promise<void> {
    await this.take({ kind: 'mend' });
    await this.take({ kind: 'up' });
    for (const image of images.keys()) {
      await this.#ask({ kind: 'manifest', image });
      for (const layer of [0, 1]) await this.#ask({ kind: 'blob', image, layer, from: undefined });
    }
    for (const tag of tags) await this.#ask({ kind: 'tag', tag });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#entrepot[Symbol.asyncDispose]();
    await this.#hub.close();
  }

  async #ask(request: Request): Promise<void> {
    const heard = await this.#hear(request);
    if (heard.startsWith('404')) this.violations.push(`a false ${heard} to ${JSON.stringify(request)}`);
    if (this.#down || this.#troubled || heard === 'right') return;
    // It may have joined what began in the bad time, and ended with it: then the next one begins anew.
    const again = await this.#hear(request);
    if (again !== 'right') this.violations.push(`${heard}, then ${again} to ${JSON.stringify(request)}`);
  }

  async #hear(request: Request): Promise<string> {
    const path = `/v2/${repository}`;
    if (request.kind === 'tag') return this.#hearTag(request.tag, `${path}/manifests/${request.tag}`);
    const content = nth(request.image);
    if (request.kind === 'manifest') {
      return verdict(await ask(this.#entrepot.url, `${path}/manifests/${content.digest}`), content.bytes);
    }
    const { digest, bytes } = content.layers[request.layer] ?? content.config;
    const headers = request.from === undefined ? undefined : { range: `bytes=${request.from}-` };
    return verdict(await ask(this.#entrepot.url, `${path}/blobs/${digest}`, headers), bytes);
  }

  /** A tag gives one of its manifests, and without a warning one that it had within the last minute. */
  async #hearTag(tag: (typeof tags)[number], path: string): Promise<string> {
    const answer = await ask(this.#entrepot.url, path);
    if (answer.status !== 200) return verdict(answer, Buffer.alloc(0));
    const meanings = this.#meanings(tag);
    const movedAt = this.#tags.get(tag)?.movedAt ?? 0;
    const due = this.#entrepot.clock.now() - movedAt > freshMs;
    const stale = answer.headers['warning'] !== undefined;
    const digest = answer.headers['docker-content-digest'];
    const meant = (due && !stale ? meanings.slice(-1) : meanings).find((image) => image.digest === digest);
    if (meant === undefined) throw new Error(`${tag} is ${digest}, which it has not been for a minute`);
    return verdict(answer, meant.bytes);
  }

  #meanings(tag: (typeof tags)[number]): Image[] {
    return this.#tags.get(tag)?.history ?? [];
  }
}

function nth(index: number): Image {
  const image = images[index];
  if (image === undefined) throw new RangeError(`no image ${index}`);
  return image;
}

test.concurrent.each(Array.from({ length: worlds }, (_, world) => world))(
  'whatever happens upstream, no whole answer is wrong, and no 404 is false (world %d)',
  async () => {
    const end = performance.now() + budgetMs;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        if (performance.now() > end) return;
        await using world = await World.open();
        for (const step of steps) await world.take(step);
        await world.settle();
        expect(world.violations).toEqual([]);
      }),
      // Each sequence takes its time: a shorter one would not be worth the wait.
      { numRuns: repeats(100, 500), endOnFailure: true },
    );
  },
);
