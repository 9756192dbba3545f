import { describe, expect, it } from 'vitest';
import { parseWarnings } from '../../../src/upstream/warnings.ts';

const parse = (...lines: string[]): readonly string[] =>
  parseWarnings({ warning: lines.length === 1 ? lines[0] : lines });

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings
describe("a registry's warnings", () => {
  it('are the texts of those with the code 299', () => {
    expect(parse('299 - "Your auth token will expire in 30 seconds."')).toEqual([
      'Your auth token will expire in 30 seconds.',
    ]);
    expect(parse('110 cache "stale"', '299 - "one"', '299 registry.example:5000 "two"')).toEqual([
      'one',
      'two',
    ]);
    expect(parse('110 cache "stale", 299 - "a, 299 - b", 299 - "c" "Sun, 06 Nov 1994 08:49:37 GMT"')).toEqual(
      ['a, 299 - b', 'c'],
    );
  });

  it('may quote what they name', () => {
    expect(parse('299 - "tag \\"latest\\" is deprecated, C:\\\\x"')).toEqual([
      'tag "latest" is deprecated, C:\\x',
    ]);
    expect(parse('214 - "299 - \\"no\\"", 299 - "yes"')).toEqual(['yes']);
  });

  it("are also another Entrepot's, that an answer is stale", () => {
    expect(parse('110 entrepot "Response is Stale: timeout"')).toEqual(['Response is Stale: timeout']);
  });

  it('are none where there are none, or none that can be read', () => {
    for (const line of ['', '299', '299 - unquoted', '299 - "open', '299 - ""', '300 - "no"']) {
      expect(parse(line)).toEqual([]);
    }
    expect(parseWarnings({})).toEqual([]);
  });

  it('are short, few, each once, and hold no secret and no control character', () => {
    expect(parse(`299 - "${'x'.repeat(5000)}"`)).toEqual(['x'.repeat(200)]);
    expect(parse(...Array.from({ length: 20 }, (_, index) => `299 - "${index}"`))).toHaveLength(5);
    expect(parse('299 - "same"', '299 - "same"')).toEqual(['same']);
    expect(parse('299 - "a\\u0007\u0007b https://user:pw@host/p?sig=s Bearer abcdefgh12345678"')).toEqual([
      'au0007 b https://host/p Bearer [redacted]',
    ]);
  });

  it('that are endless are read in no time', () => {
    const startedAt = performance.now();
    parse(`299 - "${'\\'.repeat(100_000)}`);
    parse('299 - '.repeat(50_000));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
