import { describe, expect, it } from 'vitest';
import { answerError, printable } from '../../../src/upstream/answer-error.ts';
import { scriptedResponse } from './scripted-sender.ts';

const url = new URL('https://registry.example.com/v2/a/manifests/latest?secret=1');

describe('answerError', () => {
  it.each([
    [400, 'invalid'],
    [401, 'unauthorized'],
    [403, 'denied'],
    [404, 'not-found'],
    [408, 'timeout'],
    [410, 'not-found'],
    [416, 'range'],
    [418, 'invalid'],
    [429, 'rate-limited'],
    [500, 'unavailable'],
    [504, 'unavailable'],
  ])('makes %i %s', async (status, kind) => {
    expect(await answerError(scriptedResponse({ status }, url), 0)).toMatchObject({ kind, status });
  });

  it("repeats the upstream's code and message", async () => {
    const body =
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your limit.","detail":"x"}]}';
    const error = await answerError(
      scriptedResponse({ status: 429, headers: { 'retry-after': '60' }, body }, url),
      0,
    );
    expect(error.message).toBe('registry.example.com: 429 TOOMANYREQUESTS: You have reached your limit.');
    expect(error.retryAfter).toBe(60);
  });

  it.each([
    ['a credential that it is told of', 'wrong password hunter2'],
    ['an Authorization', 'not good: Basic b3duZXI6aHVudGVyMg=='],
    ['a bearer token', 'Bearer "abc.def-ghi_jkl" is expired'],
    ['a JSON web token', 'token eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl is expired'],
  ])('does not repeat %s', async (_, message) => {
    const body = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message }] });
    const response = { ...scriptedResponse({ status: 401, body }, url), secrets: ['hunter2'] };
    const error = await answerError(response, 0);
    expect(error.message).toContain('[redacted]');
    expect(error.message).not.toMatch(/hunter2|b3duZXI6aHVudGVyMg|abc\.def|eyJ|c2lnbmF0dXJl/);
  });

  it.each(['', '<html>', '{}', '{"errors":[]}', '{"errors":"no"}', 'null'])(
    'makes do with the body %j',
    async (body) => {
      const error = await answerError(scriptedResponse({ status: 403, body }, url), 0);
      expect(error.message).toBe(
        'registry.example.com: 403 Forbidden: it does not have this repository, or this mirror may not read it',
      );
    },
  );

  it('does not read an endless body', async () => {
    const body = `{"errors":[{"code":"${'A'.repeat(70_000)}"}]}`;
    const error = await answerError(scriptedResponse({ status: 403, body }, url), 0);
    expect(error.message).toBe(
      'registry.example.com: 403 Forbidden: it does not have this repository, or this mirror may not read it',
    );
  });
});

describe('printable', () => {
  it('cuts long texts', () => {
    expect(printable('x'.repeat(500))).toHaveLength(200);
  });

  it('turns control characters and line breaks into blanks', () => {
    expect(printable('a\u001b[31m\r\nb\u202ec\u0000')).toBe('a [31m b c');
  });

  it('leaves out user information and queries of URLs', () => {
    expect(printable('see https://u:p@cdn.example.com/x?sig=abc#d, or http://a.example.com/?k=v.')).toBe(
      'see https://cdn.example.com/x or http://a.example.com/',
    );
  });

  it('leaves out user information also of URLs without a query', () => {
    expect(printable('https://user:pass@cdn.example.com/x')).toBe('https://cdn.example.com/x');
  });
});
