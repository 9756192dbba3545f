import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeImage } from '../../support/image.ts';
import { byTag, MirrorFixture, target } from '../../support/mirror-fixture.ts';

const hello = target('library/hello');
const latest = byTag('latest');
const first = makeImage({ seed: 1 });
const second = makeImage({ seed: 2 });

function unavailable(): never {
  throw new UpstreamError('unavailable', 'upstream refused the connection');
}

describe('a tag', () => {
  it('costs one HEAD and one counted pull, and nothing while it is fresh', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');

    const cold = await fixture.mirror.manifest(hello, latest, 'GET');
    await fixture.clock.advance(59_999);
    const warm = await fixture.mirror.manifest(hello, latest, 'GET');

    expect(cold).toMatchObject({ result: 'miss', bytes: first.bytes, warning: undefined });
    expect(warm).toMatchObject({ result: 'hit', bytes: first.bytes, upstreamMs: 0 });
    expect(fixture.upstream.requests).toEqual([
      'HEAD library/hello latest',
      `GET library/hello ${first.digest}`,
    ]);
  });

  it('is confirmed by a HEAD alone when it is due and has not moved', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    await fixture.mirror.manifest(hello, latest, 'GET');
    await fixture.clock.advance(60_000);
    fixture.upstream.requests.length = 0;

    const confirmed = await fixture.mirror.manifest(hello, latest, 'GET');

    expect(confirmed).toMatchObject({ result: 'hit', bytes: first.bytes });
    expect(fixture.upstream.requests).toEqual(['HEAD library/hello latest']);
  });

  it('follows upstream to a new digest when it is due', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    await fixture.mirror.manifest(hello, latest, 'GET');
    fixture.upstream.addManifest('library/hello', second.bytes, 'latest');
    await fixture.clock.advance(60_000);

    const moved = await fixture.mirror.manifest(hello, latest, 'GET');

    expect(moved).toMatchObject({ result: 'miss', bytes: second.bytes });
  });

  it('asked for by HEAD never spends a pull, and is repeated from memory', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');

    const head = await fixture.mirror.manifest(hello, latest, 'HEAD');
    const again = await fixture.mirror.manifest(hello, latest, 'HEAD');

    expect(head).toMatchObject({ bytes: undefined, descriptor: { digest: first.digest, size: first.size } });
    expect(again.descriptor).toEqual(head.descriptor);
    expect(fixture.upstream.requests).toEqual(['HEAD library/hello latest']);
  });

  it('that has moved since a HEAD showed it is found, though what it was is deleted upstream', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    await fixture.mirror.manifest(hello, latest, 'HEAD');
    fixture.upstream.removeManifest('library/hello', first.digest);
    fixture.upstream.addManifest('library/hello', second.bytes, 'latest');

    const found = await fixture.mirror.manifest(hello, latest, 'GET');

    expect(found).toMatchObject({ result: 'miss', bytes: second.bytes });
  });

  it.each([403, 404, 500])(
    'whose digest upstream refuses (%i) is what upstream gives for the tag',
    async (status) => {
      await using fixture = await MirrorFixture.open();
      fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
      fixture.upstream.before = (request) => {
        if (!request.includes('sha256:')) return;
        throw new UpstreamError('invalid', 'not by that name', { status });
      };

      const given = await fixture.mirror.manifest(hello, latest, 'GET');

      expect(given).toMatchObject({ result: 'miss', bytes: first.bytes });
      expect(fixture.upstream.requests.at(-1)).toBe('GET library/hello latest');
    },
  );

  it('that HEAD shows and GET refuses, by digest and by tag, costs one of each', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    fixture.upstream.before = (request) => {
      if (request.startsWith('GET')) throw new UpstreamError('denied', 'by a policy', { status: 403 });
    };
    const asked = [
      'HEAD library/hello latest',
      `GET library/hello ${first.digest}`,
      'GET library/hello latest',
    ];

    await expect(fixture.mirror.manifest(hello, latest, 'GET')).rejects.toMatchObject({ status: 403 });
    expect(fixture.upstream.requests).toEqual(asked);
    await expect(fixture.mirror.manifest(hello, latest, 'GET')).rejects.toMatchObject({ status: 403 });
    // What HEAD has shown is fresh still.
    expect(fixture.upstream.requests).toEqual([...asked, ...asked.slice(1)]);
  });

  it('that moves between its HEAD and its GET, whose old digest is refused, is what it is now, after one GET more', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    fixture.upstream.before = (request) => {
      if (request !== `GET library/hello ${first.digest}`) return;
      fixture.upstream.removeManifest('library/hello', first.digest);
      fixture.upstream.addManifest('library/hello', second.bytes, 'latest');
    };

    const given = await fixture.mirror.manifest(hello, latest, 'GET');

    expect(given).toMatchObject({ result: 'miss', bytes: second.bytes });
    expect(fixture.upstream.requests).toEqual([
      'HEAD library/hello latest',
      `GET library/hello ${first.digest}`,
      'GET library/hello latest',
    ]);
    await expect(fixture.mirror.manifest(hello, { digest: first.digest }, 'GET')).rejects.toMatchObject({
      status: 404,
    });
  });

  it.each([
    ['refuses', 'not-found'],
    ['fails', 'unavailable'],
  ] as const)('that upstream %s is asked for again when the clock has been set back', async (_, kind) => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    await fixture.mirror.manifest(hello, latest, 'GET');
    await fixture.clock.advance(60_000);
    fixture.upstream.before = () => {
      throw new UpstreamError(kind, 'no');
    };
    const stale = await fixture.mirror.manifest(hello, latest, 'GET');
    fixture.upstream.before = () => undefined;
    await fixture.clock.advance(-24 * 60 * 60 * 1000);

    const confirmed = await fixture.mirror.manifest(hello, latest, 'GET');

    expect(stale).toMatchObject({ result: 'stale' });
    expect(confirmed).toMatchObject({ result: 'hit', warning: undefined });
  });

  it('is held once the digest that a HEAD showed has been pulled, as dockerd does', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    await fixture.mirror.manifest(hello, latest, 'HEAD');
    await fixture.mirror.manifest(hello, { digest: first.digest }, 'GET');
    fixture.upstream.before = unavailable;
    await fixture.restart();

    const offline = await fixture.mirror.manifest(hello, latest, 'GET');

    expect(offline).toMatchObject({ bytes: first.bytes });
  });

  it('does not leave the manifest it points to before the next one is here', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    await fixture.mirror.manifest(hello, latest, 'GET');
    fixture.upstream.addManifest('library/hello', second.bytes, 'latest');
    await fixture.clock.advance(60_000);
    await fixture.mirror.manifest(hello, latest, 'HEAD');
    fixture.upstream.before = unavailable;
    await fixture.clock.advance(60_000);

    const stale = await fixture.mirror.manifest(hello, latest, 'GET');

    expect(stale).toMatchObject({ result: 'stale', bytes: first.bytes });
  });

  it('is served stale, with a warning, on every kind of upstream failure', async () => {
    for (const kind of [
      'unavailable',
      'timeout',
      'rate-limited',
      'unauthorized',
      'denied',
      'invalid',
      'not-found',
    ] as const) {
      await using fixture = await MirrorFixture.open();
      fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
      await fixture.mirror.manifest(hello, latest, 'GET');
      fixture.upstream.before = () => {
        throw new UpstreamError(kind, `upstream says ${kind}`);
      };
      await fixture.clock.advance(60_000);

      const stale = await fixture.mirror.manifest(hello, latest, 'GET');

      expect(stale, kind).toMatchObject({
        result: 'stale',
        bytes: first.bytes,
        warning: `upstream says ${kind}`,
      });
    }
  });

  it('is served stale at once while the breaker is open, and asked for again after a while that grows', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    await fixture.mirror.manifest(hello, latest, 'GET');
    fixture.upstream.before = unavailable;
    await fixture.clock.advance(60_000);
    fixture.upstream.requests.length = 0;

    const askedAt: number[] = [];
    for (let second = 0; second < 16; second += 1) {
      const before = fixture.upstream.requests.length;
      await fixture.mirror.manifest(hello, latest, 'GET');
      if (fixture.upstream.requests.length > before) askedAt.push(second);
      await fixture.clock.advance(1000);
    }

    expect(askedAt).toEqual([0, 1, 3, 7, 15]);
  });

  it('keeps the breaker open across a restart', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    await fixture.mirror.manifest(hello, latest, 'GET');
    fixture.upstream.before = unavailable;
    await fixture.clock.advance(60_000);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await fixture.restart();
    fixture.upstream.requests.length = 0;

    const stale = await fixture.mirror.manifest(hello, latest, 'GET');

    expect(stale.result).toBe('stale');
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('that is cached waits no longer than 2 s for an upstream that hangs', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    await fixture.mirror.manifest(hello, latest, 'GET');
    await fixture.clock.advance(60_000);
    fixture.upstream.before = () => new Promise(() => undefined);

    const startedAt = fixture.clock.now();
    const pending = fixture.mirror
      .manifest(hello, latest, 'GET')
      .then((answer) => ({ answer, at: fixture.clock.now() }));
    await fixture.clock.advance(5_000);
    const { answer, at } = await pending;

    expect(answer).toMatchObject({ result: 'stale', bytes: first.bytes });
    expect(at - startedAt).toBeLessThanOrEqual(2_000);
  });

  it('is asked for upstream once, however many wait', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        fixture.mirror.manifest(hello, latest, index % 2 === 0 ? 'GET' : 'HEAD'),
      ),
    );

    expect(answers.map(({ descriptor }) => descriptor.digest)).toEqual(answers.map(() => first.digest));
    expect(answers.filter(({ result }) => result === 'joined').length).toBeGreaterThan(40);
    expect(fixture.upstream.requests).toEqual([
      'HEAD library/hello latest',
      `GET library/hello ${first.digest}`,
    ]);
  });

  it('that upstream no longer has is kept, or dropped where the operator wants that', async () => {
    for (const gone of ['keep', 'drop'] as const) {
      await using fixture = await MirrorFixture.open({ policy: { gone } });
      fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
      await fixture.mirror.manifest(hello, latest, 'GET');
      fixture.upstream.removeTag('library/hello', 'latest');
      await fixture.clock.advance(60_000);

      const answer = fixture.mirror.manifest(hello, latest, 'GET');

      if (gone === 'keep')
        await expect(answer).resolves.toMatchObject({ result: 'stale', bytes: first.bytes });
      else await expect(answer).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN', status: 404 });
    }
  });

  it('with nothing cached tells the real cause', async () => {
    for (const [kind, status, code] of [
      ['unavailable', 503, 'UNAVAILABLE'],
      ['timeout', 504, 'UNAVAILABLE'],
      ['rate-limited', 429, 'TOOMANYREQUESTS'],
      ['unauthorized', 403, 'DENIED'],
      ['denied', 403, 'DENIED'],
      ['invalid', 502, 'UNKNOWN'],
      ['not-found', 404, 'MANIFEST_UNKNOWN'],
    ] as const) {
      await using fixture = await MirrorFixture.open();
      fixture.upstream.before = () => {
        throw new UpstreamError(kind, kind, { retryAfter: 7 });
      };
      await expect(fixture.mirror.manifest(hello, latest, 'GET'), kind).rejects.toMatchObject({
        status,
        code,
      });
    }
  });

  it('is fresh for as long as the first rule that matches says', async () => {
    await using fixture = await MirrorFixture.open({
      policy: {
        rules: [
          { match: 'library/*:latest', maxAgeMs: 5_000 },
          { match: '*:v*', maxAgeMs: 3_600_000 },
        ],
      },
    });
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    fixture.upstream.addManifest('library/hello', first.bytes, 'v1.2.3');
    await fixture.mirror.manifest(hello, latest, 'GET');
    await fixture.mirror.manifest(hello, byTag('v1.2.3'), 'GET');
    fixture.upstream.requests.length = 0;
    await fixture.clock.advance(61_000);

    await fixture.mirror.manifest(hello, byTag('v1.2.3'), 'GET');
    await fixture.mirror.manifest(hello, latest, 'GET');

    expect(fixture.upstream.requests).toEqual(['HEAD library/hello latest']);
  });

  it('of a type that cannot be mirrored is unknown to a HEAD as to a GET', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');
    const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
    const { upstream } = fixture;
    const [head, get] = [upstream.headManifest.bind(upstream), upstream.getManifest.bind(upstream)];
    upstream.headManifest = async (...request) => ({ ...(await head(...request)), mediaType: type });
    upstream.getManifest = async (...request) => ({ ...(await get(...request)), mediaType: type });

    for (const method of ['HEAD', 'GET'] as const) {
      await expect(fixture.mirror.manifest(hello, latest, method)).rejects.toMatchObject({
        code: 'MANIFEST_UNKNOWN',
      });
    }
  });

  it('of an upstream that states no digest is pulled by tag and checked all the same', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.statesDigest = false;
    fixture.upstream.addManifest('library/hello', first.bytes, 'latest');

    const answer = await fixture.mirror.manifest(hello, latest, 'HEAD');
    const byDigest = await fixture.mirror.manifest(hello, { digest: first.digest }, 'GET');

    expect(answer.descriptor.digest).toBe(first.digest);
    expect(byDigest.result).toBe('hit');
  });
});
