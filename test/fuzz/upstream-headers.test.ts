import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '../../src/upstream/answer-error.ts';
import { parseChallenges } from '../../src/upstream/auth/challenge.ts';
import { judgeRealm } from '../../src/upstream/auth/realm.ts';
import { parseContentRange } from '../../src/upstream/content-range.ts';
import { parseLinks } from '../../src/upstream/link-header.ts';
import { redirectTarget } from '../../src/upstream/redirect.ts';
import { UpstreamError } from '../../src/upstream/registry.ts';
import { parseRetryAfter } from '../../src/upstream/retry-after.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/);
const quotable = fc.string({ unit: fc.constantFrom(...'ab ,="\\:/\t'.split('')), maxLength: 20 });
const headerish = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.string({ unit: fc.constantFrom(...'Bearer Basic realm="x", \\\t=;'.split('')), maxLength: 300 }),
);

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** The result of `run`, or undefined when it refused with an UpstreamError of kind `invalid`. */
function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof UpstreamError && error.kind === 'invalid') return undefined;
    throw error;
  }
}

describe('challenges', () => {
  it('come back as they were written, however many share a line', () => {
    const challenge = fc.record({ scheme: name, parameters: fc.dictionary(name, quotable, { maxKeys: 5 }) });
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
        const line = challenges
          .map(({ scheme, parameters }) => {
            const pairs = Object.entries(parameters).map(([key, value]) => `${key}=${quote(value)}`);
            return `${scheme} ${pairs.join(', ')}`;
          })
          .join(', ');
        const read = parseChallenges([line]);
        expect(read.map(({ scheme }) => scheme)).toEqual(challenges.map(({ scheme }) => scheme));
        expect(read.map(({ parameters }) => new Map(parameters))).toEqual(
          challenges.map(({ parameters }) => new Map(Object.entries(parameters))),
        );
      }),
    );
  });

  it('never throw, whatever the header says', () => {
    fc.assert(
      fc.property(fc.array(headerish, { maxLength: 3 }), (lines) => {
        for (const { scheme } of parseChallenges(lines)) expect(scheme).toMatch(/^[^\s,"=]+$/);
      }),
    );
  });

  it.each(['"', '\\"', ',a="', 'a="\\",', '"\\', ', ', 'a=', '\t'])(
    'made of %j alone are read quickly',
    (piece) => {
      const start = performance.now();
      parseChallenges([piece.repeat(100_000)]);
      expect(performance.now() - start).toBeLessThan(5000);
    },
  );
});

describe('links', () => {
  it('come back as they were written, however many share a line', () => {
    const target = fc.string({ unit: fc.constantFrom(...'ab/?=&,;" '.split('')), maxLength: 20 });
    const link = fc.record({
      target,
      types: fc.array(name, { minLength: 1, maxLength: 3 }),
      title: quotable,
    });
    fc.assert(
      fc.property(fc.array(link, { maxLength: 4 }), (links) => {
        const line = links
          .map(({ target: to, types, title }) => `<${to}>; title=${quote(title)}; rel="${types.join(' ')}"`)
          .join(', ');
        expect(parseLinks(line)).toEqual({
          links: links.map(({ target: to, types }) => ({ target: to, relations: new Set(types) })),
          rest: '',
        });
      }),
    );
  });

  it('never throw, whatever the header says', () => {
    fc.assert(
      fc.property(headerish, (line) => {
        for (const { target } of parseLinks(line).links) expect(target).not.toContain('>');
      }),
    );
  });

  it.each(['"', '<', '>;', '<>;', '<a>;rel="', '\\"', ',', ';', '<a>;="', '<,', '<a,', 'a=', '\t', 'a '])(
    'made of %j alone are read quickly',
    (piece) => {
      const times = [1, 2, 3].map(() => {
        const start = performance.now();
        parseLinks(piece.repeat(100_000));
        return performance.now() - start;
      });
      // The least of three, on a busy machine. A pattern that looks ahead from each `<` takes a second.
      expect(Math.min(...times)).toBeLessThan(250);
    },
  );
});

describe('Retry-After', () => {
  it('is a whole number of seconds within bounds, or nothing', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.string({ unit: fc.constantFrom(...'0123456789.smhµnu -:GMT'.split('')), maxLength: 40 }),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      fc.double().map(String),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 4e12 }), (header, now) => {
        const seconds = parseRetryAfter(header, now);
        if (seconds === undefined) return;
        expect(Number.isInteger(seconds)).toBe(true);
        expect(seconds).toBeGreaterThanOrEqual(0);
        expect(seconds).toBeLessThanOrEqual(21_600);
      }),
    );
  });
});

describe('Content-Range', () => {
  it('never contradicts itself', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc
        .tuple(fc.nat(), fc.nat(), fc.oneof(fc.nat().map(String), fc.constant('*')))
        .map(([start, end, size]) => `bytes ${start}-${end}/${size}`),
    );
    fc.assert(
      fc.property(text, (header) => {
        const range = parseContentRange(header);
        if (range === undefined) return;
        expect(range.start).toBeLessThanOrEqual(range.end);
        expect(range.size ?? Infinity).toBeGreaterThan(range.end);
      }),
    );
  });
});

describe('places that upstreams name', () => {
  const place = fc.oneof(
    fc.webUrl({ withQueryParameters: true }),
    fc.string({ maxLength: 100 }),
    fc.webPath(),
  );

  it('are followed by redirect only over TLS and without user information', () => {
    fc.assert(
      fc.property(place, (location) => {
        const target = unlessRefused(() =>
          redirectTarget(new URL('https://registry.example.com/v2/'), location, () => 'refused'),
        );
        if (target === undefined) return;
        expect(target.protocol).toBe('https:');
        expect(target.username + target.password).toBe('');
      }),
    );
  });

  it('are trusted with credentials only within the registrable domain', () => {
    fc.assert(
      fc.property(place, (text) => {
        const realm = unlessRefused(() =>
          judgeRealm(new URL('https://registry.example.com'), text, () => false),
        );
        if (realm?.trusted !== true) return;
        expect(realm.url.protocol).toBe('https:');
        expect(realm.url.hostname).toMatch(/(?:^|\.)example\.com$/);
      }),
    );
  });
});

describe('upstream messages', () => {
  it('are short and printable', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1000 }), (text) => {
        const shown = printable(text);
        expect(shown.length).toBeLessThanOrEqual(200);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }),
    );
  });
});
