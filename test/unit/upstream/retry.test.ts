import { describe, expect, it } from 'vitest';
import type { Sender, UpstreamRequest } from '../../../src/upstream/http-message.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { retryingSender } from '../../../src/upstream/retry.ts';
import { TestClock } from '../../support/test-clock.ts';
import { ScriptedSender, type ScriptedAnswer } from './scripted-sender.ts';

const request: UpstreamRequest = {
  method: 'HEAD',
  url: new URL('https://registry.example.com/v2/a/manifests/latest'),
  headers: {},
  pool: 'metadata',
};

const lost = new UpstreamError('unavailable', 'reset');

function setup(...script: readonly (ScriptedAnswer | UpstreamError)[]): {
  clock: TestClock;
  upstream: ScriptedSender;
  sender: Sender;
} {
  const clock = new TestClock();
  const upstream = new ScriptedSender(...script);
  return { clock, upstream, sender: retryingSender(upstream, clock, () => 0.5) };
}

describe('retryingSender', () => {
  it.each([500, 502, 503, 504])('tries again after %i', async (status) => {
    const { clock, upstream, sender } = setup({ status }, { status: 200 });
    const answer = sender.send(request);
    await clock.advance(1000);
    expect((await answer).status).toBe(200);
    expect(upstream.requests).toHaveLength(2);
  });

  // https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
  it('tries again once after 408', async () => {
    const { clock, upstream, sender } = setup({ status: 408 }, { status: 200 });
    const answer = sender.send(request);
    await clock.advance(1000);
    expect((await answer).status).toBe(200);
    expect(upstream.requests).toHaveLength(2);
  });

  it('hands on a second 408', async () => {
    const { clock, upstream, sender } = setup({ status: 408 });
    const answer = sender.send(request);
    await clock.advance(10_000);
    expect((await answer).status).toBe(408);
    expect(upstream.requests).toHaveLength(2);
  });

  it('tries again after no answer, three times in all, and then says why', async () => {
    const { clock, upstream, sender } = setup(lost);
    const failure = sender.send(request).catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await failure).toBe(lost);
    expect(upstream.requests).toHaveLength(3);
  });

  it('hands on the last answer when trying does not help', async () => {
    const { clock, upstream, sender } = setup({ status: 503 });
    const answer = sender.send(request);
    await clock.advance(10_000);
    expect((await answer).status).toBe(503);
    expect(upstream.requests).toHaveLength(3);
  });

  it('pauses a random part of a span that doubles', async () => {
    const { clock, upstream, sender } = setup({ status: 500 });
    const answer = sender.send(request);
    await clock.advance(99);
    expect(upstream.requests).toHaveLength(1);
    await clock.advance(1);
    expect(upstream.requests).toHaveLength(2);
    await clock.advance(199);
    expect(upstream.requests).toHaveLength(2);
    await clock.advance(1);
    expect(upstream.requests).toHaveLength(3);
    await answer;
  });

  it.each([200, 307, 400, 401, 403, 404, 416, 501])('hands on %i at once', async (status) => {
    const { upstream, sender } = setup({ status });
    expect((await sender.send(request)).status).toBe(status);
    expect(upstream.requests).toHaveLength(1);
  });

  it.each(['timeout', 'invalid', 'aborted'] as const)('does not try again after %s', async (kind) => {
    const { upstream, sender } = setup(new UpstreamError(kind, 'no'));
    await expect(sender.send(request)).rejects.toMatchObject({ kind });
    expect(upstream.requests).toHaveLength(1);
  });

  it('waits out a short Retry-After', async () => {
    const { clock, upstream, sender } = setup(
      { status: 429, headers: { 'retry-after': '2' } },
      { status: 200 },
    );
    const answer = sender.send(request);
    await clock.advance(1999);
    expect(upstream.requests).toHaveLength(1);
    await clock.advance(500);
    expect((await answer).status).toBe(200);
  });

  it.each([{ 'retry-after': '4' }, {}])('hands on a 429 with %j', async (headers) => {
    const { upstream, sender } = setup({ status: 429, headers });
    expect((await sender.send(request)).status).toBe(429);
    expect(upstream.requests).toHaveLength(1);
  });

  it('does not begin another try after the deadline', async () => {
    const clock = new TestClock();
    let requests = 0;
    const slow: Sender = {
      send: async () => {
        requests += 1;
        await clock.sleep(12_000);
        throw lost;
      },
    };
    const failure = retryingSender(slow, clock, () => 0.99)
      .send(request)
      .catch((error: unknown) => error);
    await clock.advance(60_000);
    expect(await failure).toBe(lost);
    expect(requests).toBe(2);
  });

  it('stops pausing when the caller gives up', async () => {
    const { clock, sender } = setup(lost);
    const controller = new AbortController();
    const failure = sender.send({ ...request, signal: controller.signal }).catch((error: unknown) => error);
    await clock.advance(10);
    controller.abort();
    expect(await failure).toMatchObject({ kind: 'aborted' });
    expect(clock.sleeping).toBe(0);
  });
});
