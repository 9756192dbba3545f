import { describe, expect, it } from 'vitest';
import { HeadSupports, type HeadNoun, type HeadSupport } from '../../../src/upstream/head-support.ts';
import { UpstreamError, type UpstreamErrorOptions } from '../../../src/upstream/registry.ts';
import { TestClock } from '../../support/test-clock.ts';

const hour = 60 * 60 * 1000;

function support(noun: HeadNoun, clock = new TestClock(), host = 'registry.example'): HeadSupport {
  return new HeadSupports(clock).of(noun, new URL(`https://${host}/`));
}

function refuse(status: number, options: UpstreamErrorOptions = {}): () => Promise<string> {
  const kind = status === 429 ? 'rate-limited' : 'invalid';
  return () => Promise.reject(new UpstreamError(kind, `refused with ${status}`, { status, ...options }));
}

const give = (what: string) => () => Promise.resolve(what);

/** Which requests it took: `HEAD`, `HEAD GET`, `GET`. */
async function requests(heads: HeadSupport, head: number, get = 200): Promise<string> {
  const asked: string[] = [];
  const answer = (method: string, status: number) => () => {
    asked.push(method);
    return (status === 200 ? give(method) : refuse(status))();
  };
  await heads.ask(answer('HEAD', head), answer('GET', get)).catch(() => undefined);
  return asked.join(' ');
}

const methods = [405, 501];
const others = [400, 401, 403, 404, 412, 500, 503];

describe('a registry that refuses HEAD', () => {
  it.each([...methods, ...others])('with %i is asked by GET', async (status) => {
    for (const noun of ['manifest', 'blob'] as const) {
      expect(await support(noun).ask(refuse(status), give('what GET gives'))).toBe('what GET gives');
    }
  });

  it.each(methods)('as a method (%i) is not asked by it again for an hour', async (status) => {
    const clock = new TestClock();
    const heads = support('manifest', clock);
    expect(await requests(heads, status)).toBe('HEAD GET');
    expect(await requests(heads, status)).toBe('GET');
    await clock.advance(hour);
    expect(await requests(heads, status)).toBe('HEAD GET');
  });

  it.each(others)('of what GET gives (%i), three times, is not asked by it for an hour', async (status) => {
    const clock = new TestClock();
    const heads = support('manifest', clock);
    for (let time = 0; time < 3; time += 1) expect(await requests(heads, status)).toBe('HEAD GET');
    expect(await requests(heads, status)).toBe('GET');
    await clock.advance(hour);
    expect(await requests(heads, status)).toBe('HEAD GET');
    expect(await requests(heads, status)).toBe('GET');
  });

  it('of what GET refuses, too, goes on being asked by it', async () => {
    const heads = support('manifest');
    for (let time = 0; time < 5; time += 1) expect(await requests(heads, 404, 404)).toBe('HEAD GET');
    expect(await requests(heads, 200)).toBe('HEAD');
  });

  it("is reported with what GET was refused with, which has the registry's words", async () => {
    const answer = support('manifest').ask(refuse(404), refuse(403));
    await expect(answer).rejects.toMatchObject({ status: 403 });
  });

  it.each([
    ['what HEAD said where GET is counted and the count is used up', 404, 404],
    ['the count where HEAD said nothing of the thing', 405, 429],
  ])('is reported with %s', async (_, head, reported) => {
    const answer = support('manifest').ask(refuse(head), refuse(429));
    await expect(answer).rejects.toMatchObject({ status: reported });
  });
});

describe('a registry that has answered HEAD', () => {
  it.each(others)(
    'is believed when it refuses a manifest with %i, so that this costs no pull',
    async (status) => {
      const heads = support('manifest');
      await requests(heads, 200);
      expect(await requests(heads, status)).toBe('HEAD');
    },
  );

  it.each([400, 401, 403, ...methods])('is asked for a blob by GET all the same (%i)', async (status) => {
    const heads = support('blob');
    await requests(heads, 200);
    expect(await requests(heads, status)).toBe('HEAD GET');
  });

  it.each(methods)(
    'and now refuses the method (%i) is asked by GET, at once from the fourth time on',
    async (status) => {
      const heads = support('manifest');
      await requests(heads, 200);
      for (let time = 0; time < 3; time += 1) expect(await requests(heads, status)).toBe('HEAD GET');
      expect(await requests(heads, status)).toBe('GET');
    },
  );

  it('is asked by HEAD for what it has, whatever it refused in between', async () => {
    const heads = support('manifest');
    for (const status of [200, 405, 405, 200, 405, 405, 200]) await requests(heads, status);
    expect(await requests(heads, 200)).toBe('HEAD');
  });
});

describe('a HEAD', () => {
  it.each(others)('is believed of Docker Hub from the start (%i): its pulls are counted', async (status) => {
    expect(await requests(support('manifest', new TestClock(), 'registry-1.docker.io'), status)).toBe('HEAD');
  });

  it.each([408, 429])('that has to wait (%i) is no reason for a GET', async (status) => {
    expect(await requests(support('manifest'), status)).toBe('HEAD');
  });

  it.each([401, 403, 405])('whose login was refused (%i) does not have it shown again', async (status) => {
    const answer = support('manifest').ask(refuse(status, { isOfLogin: true }), give('never'));
    await expect(answer).rejects.toMatchObject({ status });
  });

  it('that got no answer is no reason for a GET', async () => {
    const lost = () => Promise.reject<string>(new UpstreamError('unavailable', 'cut'));
    await expect(support('manifest').ask(lost, give('never'))).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('is remembered for manifests and blobs, and for each registry, by themselves', async () => {
    const all = new HeadSupports(new TestClock());
    const [one, other] = [new URL('https://one.example/'), new URL('https://other.example/')];
    await requests(all.of('manifest', one), 405);
    expect(await requests(all.of('manifest', new URL('https://one.example/')), 405)).toBe('GET');
    expect(await requests(all.of('blob', one), 405)).toBe('HEAD GET');
    expect(await requests(all.of('manifest', other), 405)).toBe('HEAD GET');
  });
});
