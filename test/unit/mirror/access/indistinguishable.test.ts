import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anonymous, type Reader } from '../../../../src/mirror/access/reader.ts';
import type { PullTarget } from '../../../../src/mirror/mirror.ts';
import { RegistryError } from '../../../../src/oci/error.ts';
import type { MetadataStore } from '../../../../src/store/metadata-store.ts';
import { UpstreamError, type UpstreamErrorKind } from '../../../../src/upstream/registry.ts';
import { makeImage } from '../../../support/image.ts';
import { byTag, MirrorFixture, readAll, somebody, target } from '../../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../../support/scripted-upstream.ts';
import { repeats } from '../../../support/depth.ts';

const image = makeImage({ seed: 7 });
const blobs = [image.config, ...image.layers];
const alice = somebody('alice');

/** A question about something of `team/secret`, or about the repository as a whole. */
interface Question {
  readonly noun: (typeof nouns)[number];
  /** How the repository is named. */
  readonly way: (typeof ways)[number];
  readonly byWebPage: boolean;
}

const nouns = [
  'tag',
  'HEAD of a tag',
  'digest',
  'blob',
  'HEAD of a blob',
  'tags',
  'referrers',
  'deletion',
] as const;
const ways = ['plain', 'prefix', 'ns'] as const;
const readers = ['anonymous', 'a stranger with credentials', 'a token for another repository'] as const;

/** How the upstream answers who has no right to the repository, and who has at that time. */
const weathers = [
  'fair',
  'says 404 instead of 401',
  'says 403',
  'unavailable',
  'rate-limited',
  'timeout',
] as const;

/** What a mirror was asked and did. */
interface Observed {
  readonly answers: readonly unknown[];
  readonly anonymousRequests: readonly string[];
  readonly ownRequests: readonly string[];
  readonly accountRequests: readonly string[];
  readonly storeCalls: readonly string[];
  readonly catalog: readonly string[];
  readonly found: readonly unknown[];
}

interface Scene {
  readonly repository: 'secret' | 'team/secret';
  readonly reader: (typeof readers)[number];
  readonly weather: (typeof weathers)[number];
  readonly restart: boolean;
  readonly questions: readonly Question[];
}

const scenes: fc.Arbitrary<Scene> = fc.record({
  // One word, on this registry, may mean two repositories.
  repository: fc.constantFrom('secret', 'team/secret'),
  reader: fc.constantFrom(...readers),
  weather: fc.constantFrom(...weathers),
  restart: fc.boolean(),
  questions: fc.array(
    fc.record({
      noun: fc.constantFrom(...nouns),
      way: fc.constantFrom(...ways),
      byWebPage: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

const theReader: Record<Scene['reader'], Reader> = {
  anonymous,
  'a stranger with credentials': { ...anonymous, credentials: { username: 'eve', password: 'guess' } },
  'a token for another repository': {
    ...somebody('mallory'),
    repositories: new Set(['team/other']),
    deletable: new Set(['team/other']),
  },
};

describe('a private repository', () => {
  it('that is cached cannot be told from one that does not exist', async () => {
    await fc.assert(
      fc.asyncProperty(scenes, async (scene) => {
        const cached = await observe(scene, true);
        const absent = await observe(scene, false);

        expect(cached).toEqual(absent);
        expect(cached.ownRequests).toEqual([]);
        expect(
          cached.storeCalls.filter((call) => !/^(publicSince|putPublic|putUpstreamState) /.test(call)),
        ).toEqual([]);
      }),
      { numRuns: repeats(8, 40) },
    );
  }, 240_000);

  it('under library/ does not show in how its short name is answered', async () => {
    const ask = async (exists: boolean): Promise<unknown> => {
      const registry = new ScriptedUpstream('registry.corp').guard();
      await using fixture = await MirrorFixture.open({ upstream: registry });
      if (exists) await pull(fixture, registry, 'library/secret', 'secret');
      registry.requests.length = 0;
      const answer = await told(fixture.mirror.tags(target('secret')));
      return { answer, requests: registry.requests, anonymous: registry.anonymous?.requests };
    };

    expect(await ask(true)).toEqual(await ask(false));
  });
});

/** A mirror that has, or has never heard of, a private repository; and how it answers who may not read it. */
async function observe(scene: Scene, exists: boolean): Promise<Observed> {
  const registry = new ScriptedUpstream('registry.corp').guard();
  const calls: string[] = [];
  await using fixture = await MirrorFixture.open({
    upstream: registry,
    wrapMetadata: (metadata) => recorded(metadata, calls),
  });
  if (exists) await pull(fixture, registry, scene.repository, scene.repository);
  if (scene.restart) await fixture.restart();
  await fixture.clock.advance(120_000);
  forecast(registry, scene.weather);
  registry.requests.length = 0;
  calls.length = 0;

  const reader = theReader[scene.reader];
  const answers: unknown[] = [];
  for (const question of scene.questions) {
    const repository = asked(scene.repository, question.way, reader);
    const cachedOnly = question.byWebPage;
    answers.push(await told(ask(fixture, { ...repository, cachedOnly }, question.noun)));
  }
  const storeCalls = [...calls];
  return {
    answers,
    anonymousRequests: registry.anonymous?.requests ?? [],
    ownRequests: registry.requests,
    accountRequests: registry.requestsOfAccounts,
    storeCalls,
    catalog: await fixture.mirror.catalog({ reader, last: undefined, limit: 10 }),
    found: (await fixture.mirror.search({ reader, term: 'secret', limit: 10 })).results,
  };
}

/** Somebody who may read it pulls all of a repository through the mirror. */
async function pull(
  fixture: MirrorFixture,
  registry: ScriptedUpstream,
  repository: string,
  name: string,
): Promise<void> {
  registry.addManifest(repository, image.bytes, 'latest');
  for (const { bytes } of blobs) registry.addBlob(repository, bytes);
  const named = target(name, undefined, alice);
  await fixture.mirror.manifest(named, byTag('latest'), 'GET');
  for (const { digest } of blobs) await readAll(await fixture.mirror.openBlob(named, digest));
  await fixture.mirror.tags(named);
  await fixture.mirror.referrers(named, image.digest, undefined);
  expect(await fixture.mirror.catalog({ reader: alice, last: undefined, limit: 10 })).toEqual([repository]);
}

function asked(repository: string, way: Question['way'], reader: Reader): PullTarget {
  switch (way) {
    case 'plain':
      return target(repository, undefined, reader);
    case 'prefix':
      return target(`registry.corp/${repository}`, undefined, reader);
    case 'ns':
      return target(repository, 'registry.corp', reader);
  }
}

function ask({ mirror }: MirrorFixture, repository: PullTarget, noun: Question['noun']): Promise<unknown> {
  switch (noun) {
    case 'tag':
      return mirror.manifest(repository, byTag('latest'), 'GET');
    case 'HEAD of a tag':
      return mirror.manifest(repository, byTag('latest'), 'HEAD');
    case 'digest':
      return mirror.manifest(repository, { digest: image.digest }, 'GET');
    case 'blob':
      return mirror.openBlob(repository, image.config.digest);
    case 'HEAD of a blob':
      return mirror.statBlob(repository, image.config.digest);
    case 'tags':
      return mirror.tags(repository);
    case 'referrers':
      return mirror.referrers(repository, image.digest, undefined);
    case 'deletion':
      return mirror.remove(repository, byTag('latest'));
  }
}

/** All that a client, or a log, could see of a refusal. */
async function told(answer: Promise<unknown>): Promise<unknown> {
  try {
    await answer;
    return 'an answer';
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const { status, retryAfter, hidden, repository } = error;
    return { status, body: error.body(), retryAfter, hidden, repository };
  }
}

function forecast(registry: ScriptedUpstream, weather: Scene['weather']): void {
  const { anonymous: everybody } = registry;
  if (everybody === undefined) throw new Error('the registry is not guarded');
  const fail = (kind: UpstreamErrorKind, status?: number): void => {
    const failing = (): never => {
      throw new UpstreamError(kind, `upstream: ${kind}`, { status, retryAfter: 7 });
    };
    everybody.before = failing;
    if (kind !== 'not-found' && kind !== 'denied') registry.before = failing;
  };
  switch (weather) {
    case 'fair':
      return;
    case 'says 404 instead of 401':
      fail('not-found', 404);
      return;
    case 'says 403':
      fail('denied', 403);
      return;
    case 'unavailable':
    case 'rate-limited':
    case 'timeout':
      fail(weather);
  }
}

/** Notes every question to the database, with what it is about. */
function recorded(metadata: MetadataStore, calls: string[]): MetadataStore {
  return new Proxy(metadata, {
    get(store, name) {
      const member: unknown = Reflect.get(store, name, store);
      if (typeof member !== 'function') return member;
      return (...parameters: readonly unknown[]): unknown => {
        if (name !== 'touch' && name !== 'upstreamState')
          calls.push(`${String(name)} ${JSON.stringify(parameters)}`);
        return Reflect.apply(member, store, parameters);
      };
    },
  });
}
