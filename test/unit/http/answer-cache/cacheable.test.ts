import { describe, expect, test } from 'vitest';
import { isCacheable } from '../../../../src/http/answer-cache/cacheable.ts';

const plain = [
  'Host',
  'mirror',
  'USER-AGENT',
  'docker/27',
  'Accept',
  'a',
  'accept',
  'b',
  'Connection',
  'Keep-Alive',
];

describe('the answer to a request', () => {
  test.each(['GET', 'HEAD'])('by %s with what clients send may be kept', (method) => {
    expect(isCacheable({ method, httpVersion: '1.1', rawHeaders: plain })).toBe(true);
  });

  test.each([
    ['authorization', 'Basic YTpi'],
    ['proxy-authorization', 'Basic YTpi'],
    ['cookie', 'a=b'],
    ['x-request-id', 'mine'],
    ['range', 'bytes=0-1'],
    ['if-none-match', '*'],
    ['if-range', '"a"'],
    ['expect', '100-continue'],
    ['upgrade', 'h2c'],
    ['content-length', '0'],
    ['transfer-encoding', 'chunked'],
    ['origin', 'http://page.example'],
    ['sec-fetch-site', 'cross-site'],
    ['connection', 'close'],
    ['connection', 'keep-alive, upgrade'],
    ['x-of-the-future', '1'],
  ])('with %s: %s is not kept', (name, value) => {
    const rawHeaders = [...plain, name, value];
    expect(isCacheable({ method: 'GET', httpVersion: '1.1', rawHeaders })).toBe(false);
  });

  test.each([
    ['POST', '1.1'],
    ['DELETE', '1.1'],
    ['OPTIONS', '1.1'],
    ['GET', '1.0'],
  ])('by %s in HTTP/%s is not kept', (method, httpVersion) => {
    expect(isCacheable({ method, httpVersion, rawHeaders: plain })).toBe(false);
  });
});
