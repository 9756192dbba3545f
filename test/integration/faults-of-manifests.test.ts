import { describe, test, vi } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import type { FaultSpec } from '../support/faults.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

// These tests mostly wait.
vi.setConfig({ maxConcurrency: 20 });

const repository = 'library/hello';
const image = makeImage();
const next = makeImage({ seed: 2 });
const tagPath = `/v2/${repository}/manifests/latest`;
const digestPath = `/v2/${repository}/manifests/${image.digest}`;

interface Trouble {
  readonly name: string;
  /** Without a fault, the whole hub is down. */
  readonly fault?: FaultSpec;
  /** What a client of a manifest that is not held hears. */
  readonly heard: string;
  readonly retryAfter?: string;
  /** Whether HEAD, which has no body, goes well: a tag that has not moved is then as good as fresh. */
  readonly headIsRight?: true;
}

const every = { on: 'manifest' } as const;

const troubles: readonly Trouble[] = [
  {
    name: 'cut',
    fault: { ...every, kind: 'cut', afterBytes: 100 },
    heard: '503 UNAVAILABLE',
    headIsRight: true,
  },
  { name: 'reset', fault: { ...every, kind: 'reset' }, heard: '503 UNAVAILABLE' },
  {
    name: 'corrupt',
    fault: { ...every, kind: 'corrupt', atByte: 100 },
    heard: '502 UNKNOWN',
    headIsRight: true,
  },
  {
    name: 'another manifest',
    fault: { ...every, kind: 'wrong-manifest' },
    heard: '502 UNKNOWN',
    headIsRight: true,
  },
  {
    name: 'too slow',
    fault: { ...every, kind: 'slow', bytesPerSecond: 100 },
    heard: '504 UNAVAILABLE',
    headIsRight: true,
  },
  { name: 'hanging', fault: { ...every, kind: 'hang' }, heard: '504 UNAVAILABLE' },
  {
    name: 'hanging in mid-body',
    fault: { ...every, kind: 'hang-body', afterBytes: 100 },
    heard: '504 UNAVAILABLE',
    headIsRight: true,
  },
  { name: 'down', heard: '503 UNAVAILABLE' },
  { name: '401', fault: { ...every, kind: 'status', status: 401 }, heard: '403 DENIED' },
  { name: '403', fault: { ...every, kind: 'status', status: 403 }, heard: '403 DENIED' },
  { name: '404', fault: { ...every, kind: 'status', status: 404 }, heard: '404 MANIFEST_UNKNOWN' },
  {
    name: '429 with Retry-After',
    fault: { ...every, kind: 'status', status: 429, headers: { 'retry-after': '30' } },
    heard: '429 TOOMANYREQUESTS',
    retryAfter: '30',
  },
  {
    name: '429 with a Retry-After that makes no sense',
    fault: { ...every, kind: 'status', status: 429, headers: { 'retry-after': 'soon' } },
    heard: '429 TOOMANYREQUESTS',
  },
  { name: '500', fault: { ...every, kind: 'status', status: 500 }, heard: '502 UNKNOWN' },
  { name: '503', fault: { ...every, kind: 'status', status: 503 }, heard: '503 UNAVAILABLE' },
  {
    name: 'with a Content-Length that is too large',
    fault: { ...every, kind: 'wrong-content-length', delta: 5, method: 'GET' },
    heard: '503 UNAVAILABLE',
    headIsRight: true,
  },
  {
    name: 'with a Content-Length that is too small',
    fault: { ...every, kind: 'wrong-content-length', delta: -5, method: 'GET' },
    heard: '502 UNKNOWN',
    headIsRight: true,
  },
  {
    name: 'redirecting to nowhere',
    fault: { ...every, kind: 'redirect', location: 'ftp://elsewhere/' },
    heard: '502 UNKNOWN',
  },
  {
    name: 'without a token service',
    fault: { on: 'token', kind: 'status', status: 503 },
    heard: '503 UNAVAILABLE',
  },
  { name: 'with a hanging token service', fault: { on: 'token', kind: 'hang' }, heard: '504 UNAVAILABLE' },
];

/** Troubles that the client does not hear of. */
const mended: readonly { readonly name: string; readonly fault: FaultSpec }[] = [
  { name: 'an expired token', fault: { ...every, kind: 'expired-token', times: 1 } },
  { name: 'one reset', fault: { ...every, kind: 'reset', times: 1 } },
  { name: 'one 500', fault: { ...every, kind: 'status', status: 500, times: 1 } },
  {
    name: 'one 429 that asks for a second',
    fault: { ...every, kind: 'status', status: 429, times: 1, headers: { 'retry-after': '1' } },
  },
  { name: 'no Content-Length', fault: { ...every, kind: 'no-content-length' } },
  { name: 'a late answer', fault: { ...every, kind: 'delay', ms: 50 } },
];

async function fixture(): Promise<AsyncDisposable & { hub: FakeHub; entrepot: TestEntrepot }> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeHub.start());
  hub.addImage(repository, 'latest', image);
  const entrepot = resources.use(
    await TestEntrepot.start({ upstream: hub.url, timeouts: { headerMs: 2000, idleMs: 2000 } }),
  );
  const owned = resources.move();
  return { hub, entrepot, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function start(hub: FakeHub, { fault }: Trouble): void {
  if (fault === undefined) hub.down();
  else hub.fault(fault);
}

async function end(hub: FakeHub): Promise<void> {
  hub.clearFaults();
  await hub.up();
}

describe.each([
  { kind: 'tag', path: tagPath },
  { kind: 'digest', path: digestPath },
])('a manifest by $kind that is not held', ({ path }) => {
  test.concurrent.for(troubles)(
    'while upstream is $name: the truth, and the manifest as soon as it is over',
    async (trouble, { expect }) => {
      await using open = await fixture();
      const { hub, entrepot } = open;
      start(hub, trouble);

      const answer = await ask(entrepot.url, path);
      expect(verdict(answer, image.bytes)).toBe(trouble.heard);
      expect(answer.headers['retry-after']).toBe(trouble.retryAfter);

      await end(hub);
      const pulls = hub.pulls;
      expect(verdict(await ask(entrepot.url, path), image.bytes)).toBe('right');
      expect(hub.pulls).toBe(pulls + 1);
    },
  );

  test.concurrent.for(mended)('arrives in spite of $name, and is kept', async ({ fault }, { expect }) => {
    await using open = await fixture();
    const { hub, entrepot } = open;
    const inForce = hub.fault(fault);

    expect(verdict(await ask(entrepot.url, path), image.bytes)).toBe('right');
    expect(inForce.hits).toBeGreaterThan(0);
    hub.down();
    expect(verdict(await ask(entrepot.url, path), image.bytes)).toBe('right');
  });
});

describe('a manifest that is held', () => {
  test.concurrent.for(troubles)(
    'is served by digest and by a fresh tag without a question while upstream is $name',
    async (trouble, { expect }) => {
      await using open = await fixture();
      const { hub, entrepot } = open;
      expect(verdict(await ask(entrepot.url, tagPath), image.bytes)).toBe('right');
      hub.clearLog();
      start(hub, trouble);

      expect(verdict(await ask(entrepot.url, tagPath), image.bytes)).toBe('right');
      entrepot.clock.advance(60 * 60_000);
      expect(verdict(await ask(entrepot.url, digestPath), image.bytes)).toBe('right');
      expect(hub.requests).toEqual([]);
    },
  );

  test.concurrent.for(troubles)(
    'is served by a tag that is due, with a warning, while upstream is $name',
    async (trouble, { expect }) => {
      await using open = await fixture();
      const { hub, entrepot } = open;
      expect(verdict(await ask(entrepot.url, tagPath), image.bytes)).toBe('right');
      // An hour: tokens are used up, too.
      entrepot.clock.advance(60 * 60_000);
      hub.expireTokens();
      start(hub, trouble);

      const answer = await ask(entrepot.url, tagPath);
      expect(verdict(answer, image.bytes)).toBe('right');
      const warning = answer.headers['warning'];
      if (trouble.headIsRight === true) expect(warning).toBeUndefined();
      else expect(warning).toMatch(/^110 entrepot "Response is Stale: .+"$/);
    },
  );

  test.concurrent.for(troubles)(
    'stays, with a warning, when its tag moves while upstream is $name',
    async (trouble, { expect }) => {
      await using open = await fixture();
      const { hub, entrepot } = open;
      expect(verdict(await ask(entrepot.url, tagPath), image.bytes)).toBe('right');
      hub.addImage(repository, 'latest', next);
      entrepot.clock.advance(61_000);
      hub.expireTokens();
      start(hub, trouble);

      const answer = await ask(entrepot.url, tagPath);
      expect(verdict(answer, image.bytes)).toBe('right');
      expect(answer.headers['warning']).toMatch(/^110 entrepot/);

      await end(hub);
      // A check that began in the bad time may still be under way, and its outcome counts for who joins it.
      await eventually(60_000, 'the new manifest', async () => {
        entrepot.clock.advance(61_000);
        const { headers } = await ask(entrepot.url, tagPath);
        return headers['docker-content-digest'] === next.digest && headers['warning'] === undefined;
      });
      expect(verdict(await ask(entrepot.url, tagPath), next.bytes)).toBe('right');
    },
  );
});
