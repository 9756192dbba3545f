import { describe, expect, it } from 'vitest';
import { parseRateLimit } from '../../../src/upstream/rate-limit.ts';

describe('parseRateLimit', () => {
  it("reads Docker Hub's headers", () => {
    expect(
      parseRateLimit({
        'ratelimit-limit': '100;w=21600',
        'ratelimit-remaining': '76;w=21600',
        'docker-ratelimit-source': '192.0.2.7',
      }),
    ).toEqual({ limit: 100, remaining: 76, windowSeconds: 21_600, source: '192.0.2.7' });
  });

  it('takes any window, or none', () => {
    expect(parseRateLimit({ 'ratelimit-limit': '10;w=3600' })?.windowSeconds).toBe(3600);
    expect(parseRateLimit({ 'ratelimit-remaining': '0' })).toEqual({
      limit: undefined,
      remaining: 0,
      windowSeconds: undefined,
      source: undefined,
    });
  });

  it('says nothing when the headers say nothing', () => {
    expect(parseRateLimit({})).toBeUndefined();
    expect(parseRateLimit({ 'ratelimit-limit': 'many;w=long' })).toBeUndefined();
  });

  it('drops a source that is neither address nor id', () => {
    const headers = { 'ratelimit-limit': '1', 'docker-ratelimit-source': '<script>' };
    expect(parseRateLimit(headers)?.source).toBeUndefined();
  });
});
