import { describe, expect, it } from 'vitest';
import { searchDocker } from '../../../src/upstream/docker-search.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { ScriptedSender } from '../../unit/upstream/scripted-sender.ts';
import { clientOf, failureOf, scriptedServer } from './harness.ts';

const alpine = {
  name: 'alpine',
  description: 'A minimal image',
  star_count: 11_000,
  is_official: true,
  is_automated: false,
};

const found = {
  name: 'alpine',
  description: 'A minimal image',
  starCount: 11_000,
  isOfficial: true,
  isAutomated: false,
};

describe('a search', () => {
  it('is asked without credentials, and read', async () => {
    const shown: unknown[] = [];
    await using upstream = await scriptedServer((request, response) => {
      shown.push(request.headers.authorization);
      response.end(JSON.stringify({ num_results: 1, query: 'a b&n=1', results: [alpine] }));
    });
    const credentials = { get: () => Promise.resolve({ username: 'u', password: 'p' }) };
    await using client = clientOf(upstream.url, { credentials });
    expect(await client.registry.search('a b&n=1', 25)).toEqual([found]);
    expect(upstream.requests).toEqual(['GET /v1/search?q=a+b%26n%3D1&n=25']);
    expect(shown).toEqual([undefined]);
  });

  it.each([
    ['https://registry-1.docker.io', 'https://index.docker.io/v1/search?q=alpine&n=5'],
    ['https://quay.io', 'https://quay.io/v1/search?q=alpine&n=5'],
    ['http://127.0.0.1:5000/hub/', 'http://127.0.0.1:5000/hub/v1/search?q=alpine&n=5'],
  ])('of %s is sent to %s', async (url, asked) => {
    const sender = new ScriptedSender({ status: 200, body: '{"results":[]}' });
    const deps = { sender, clock: systemClock(), bodyTimeoutMs: 1000 };
    await searchDocker(new URL(url), deps, { term: 'alpine', limit: 5 });
    expect(sender.requests.map((request) => request.url.href)).toEqual([asked]);
  });

  it('finds no more than was asked for, and leaves out what is no repository', async () => {
    const results = [
      { ...alpine, name: 'a\u001b[2Jb' },
      { ...alpine, name: 7 },
      null,
      { name: 'bare' },
      alpine,
      { ...alpine, name: 'other' },
    ];
    await using upstream = await scriptedServer((_, response) => response.end(JSON.stringify({ results })));
    await using client = clientOf(upstream.url);
    const bare = { name: 'bare', description: '', starCount: 0, isOfficial: false, isAutomated: false };
    expect(await client.registry.search('a', 2)).toEqual([bare, found]);
  });

  it('gives descriptions without control characters, and not without end', async () => {
    const descriptions = ['\u001b[31mred\r\n\u202etext', 'x'.repeat(100_000)];
    const results = descriptions.map((description) => ({ ...alpine, description }));
    await using upstream = await scriptedServer((_, response) => response.end(JSON.stringify({ results })));
    await using client = clientOf(upstream.url);
    const [first, second] = await client.registry.search('a', 2);
    expect(first?.description).toBe('[31mred text');
    expect(second?.description).toHaveLength(1000);
  });

  it.each(['<html>', '[]', '{"results":"none"}'])('answered with %j is invalid', async (body) => {
    await using upstream = await scriptedServer((_, response) => response.end(body));
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.search('a', 2))).kind).toBe('invalid');
  });

  it.each([
    [404, 'not-found'],
    [429, 'rate-limited'],
    [503, 'unavailable'],
  ] as const)('answered with %i is %s', async (status, kind) => {
    await using upstream = await scriptedServer((_, response) => response.writeHead(status).end());
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.search('a', 2))).kind).toBe(kind);
  });
});
