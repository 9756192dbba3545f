import { describe, expect, it } from 'vitest';
import { StoreError } from '../../src/store/store-error.ts';
import { CareError } from '../../src/cache/care/care-error.ts';
import type { ImageListing } from '../../src/cache/care/schemas.ts';
import { eventually } from '../support/deadline.ts';
import { imageListing } from '../support/fake-caretaker.ts';
import { ControlFixture } from '../support/control-fixture.ts';

/** Images without end; tells how many were asked for, and whether somebody asked for the last. */
class Endless {
  given = 0;
  ended = false;

  async *images(): AsyncGenerator<ImageListing> {
    try {
      for (;;) {
        this.given += 1;
        // Like a real one, which lets others have a turn.
        if (this.given % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
        yield imageListing(`node:${this.given}`);
      }
    } finally {
      this.ended = true;
    }
  }
}

describe('the control socket', () => {
  it('answers what the caretaker answers, and hands it what is asked', async () => {
    await using fixture = await ControlFixture.open();
    const { caretaker, remote } = fixture;

    expect(await Array.fromAsync(remote.images({ matching: 'node:*' }))).toEqual(caretaker.listings);
    expect(await Array.fromAsync(remote.images())).toEqual(caretaker.listings);
    expect(await Array.fromAsync(remote.usage())).toEqual(caretaker.usages);
    expect(await remote.remove('node:20')).toEqual(await caretaker.removal());
    const prune = { toBytes: 5, unusedMs: null, dryRun: false };
    expect(await Array.fromAsync(remote.prune(prune))).toEqual(caretaker.pruned);
    await remote.pin('node:*');
    expect([await remote.unpin('node:*'), await remote.unpin('nothing')]).toEqual([true, false]);
    expect(await remote.pins()).toEqual(caretaker.pinned);
    expect(await remote.stats()).toEqual(caretaker.numbers);
    expect(await Array.fromAsync(remote.verify({ repair: true }))).toEqual(caretaker.verification);
    const from = { folder: '/var/lib/registry', upstream: null };
    expect(await Array.fromAsync(remote.importRegistry(from))).toEqual(caretaker.imported);

    expect(caretaker.calls).toEqual([
      ['images', { matching: 'node:*' }],
      ['images', { matching: null }],
      ['usage', undefined],
      ['remove', 'node:20'],
      ['prune', prune],
      ['pin', 'node:*'],
      ['unpin', 'node:*'],
      ['unpin', 'nothing'],
      ['pins', undefined],
      ['stats', undefined],
      ['verify', { repair: true }],
      ['importRegistry', from],
    ]);
  });

  it('tells why something was not done', async () => {
    await using fixture = await ControlFixture.open();
    fixture.caretaker.removal = () => Promise.reject(new CareError('pinned', 'node:* pins it'));

    await expect(fixture.remote.remove('node:20')).rejects.toMatchObject({
      name: 'CareError',
      kind: 'pinned',
      message: 'node:* pins it',
    });
  });

  it.each([
    ['CORRUPT', 'failed'],
    ['IO', 'failed'],
    ['LOCKED', 'unavailable'],
    ['NO_SPACE', 'unavailable'],
  ] as const)('tells trouble with the stores (%s) as what it means for a command', async (code, kind) => {
    await using fixture = await ControlFixture.open();
    const error = new StoreError(code, 'the disk is away');
    fixture.caretaker.removal = () => Promise.reject(error);
    fixture.caretaker.listings = (async function* (): AsyncGenerator<ImageListing> {
      yield imageListing('node:20');
      await Promise.reject(error);
    })();

    const told = { name: 'CareError', kind, message: 'the disk is away' };
    await expect(fixture.remote.remove('node:20')).rejects.toMatchObject(told);
    await expect(Array.fromAsync(fixture.remote.images())).rejects.toMatchObject(told);
    expect(fixture.log).not.toContain('unexpected');
  });

  it('logs what was not expected, and keeps it to itself', async () => {
    await using fixture = await ControlFixture.open();
    fixture.caretaker.removal = () => Promise.reject(new Error('hunter2'));

    await expect(fixture.remote.remove('node:20')).rejects.toMatchObject({
      kind: 'failed',
      message: expect.not.stringContaining('hunter2') as string,
    });
    expect(fixture.log).toContain('hunter2');
  });

  it('logs what is changed, and nothing of what is only looked at', async () => {
    await using fixture = await ControlFixture.open();

    await Array.fromAsync(fixture.remote.images());
    await Array.fromAsync(fixture.remote.prune({ toBytes: 1, unusedMs: null, dryRun: true }));
    await Array.fromAsync(fixture.remote.verify({ repair: false }));
    expect(fixture.log).toBe('');
    await fixture.remote.remove('node:20');
    await eventually(60_000, 'the line in the log', () => fixture.log !== '');
    expect(JSON.parse(fixture.log)).toMatchObject({ operation: 'remove', image: 'node:20', outcome: 'done' });
  });

  it('asks the caretaker for no more than the client takes, and for nothing once it has left', async () => {
    await using fixture = await ControlFixture.open();
    const endless = new Endless();
    fixture.caretaker.listings = endless.images();

    const images = fixture.remote.images()[Symbol.asyncIterator]();
    await images.next();
    let before = -1;
    await eventually(60_000, 'a pause', async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const same = before === endless.given;
      before = endless.given;
      return same;
    });
    // What fits into the buffers of two processes; 300 bytes each.
    expect(endless.given).toBeLessThan(20_000);
    expect(endless.ended).toBe(false);
    await images.return?.();
    await eventually(60_000, 'the end of the iteration', () => endless.ended);
  });

  it('streams a hundred thousand images in order', async () => {
    await using fixture = await ControlFixture.open();
    const count = 100_000;
    fixture.caretaker.listings = (async function* () {
      for await (const image of new Endless().images()) {
        yield image;
        if (image.tag === String(count)) return;
      }
    })();

    let seen = 0;
    for await (const { tag } of fixture.remote.images()) {
      seen += 1;
      if (tag !== String(seen)) expect(tag).toBe(String(seen));
    }
    expect(seen).toBe(count);
  });

  it('ends what is under way when the server stops, and says so', async () => {
    await using fixture = await ControlFixture.open();
    const endless = new Endless();
    fixture.caretaker.listings = endless.images();

    const images = fixture.remote.images()[Symbol.asyncIterator]();
    await images.next();
    const rest = (async () => {
      while ((await images.next()).done !== true);
    })();
    rest.catch(() => undefined);
    await fixture.close();

    await expect(rest).rejects.toMatchObject({ kind: 'unavailable', message: 'the server was stopped' });
    expect(endless.ended).toBe(true);
  });

  it.each([
    ['/v1/images', 'no json', 400],
    ['/v1/images', '{"matching":5}', 400],
    ['/v1/images', '{"matching":null,"more":1}', 400],
    ['/v1/images', `{"matching":"${'a'.repeat(70_000)}"}`, 400],
    ['/v1/explode', '{}', 404],
    ['/v1/__proto__', '{}', 404],
    ['/v1/', '{}', 404],
  ])('refuses %s with %.30s', async (path, body, status) => {
    await using fixture = await ControlFixture.open();

    const answer = await fixture.post(path, body);

    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { kind: 'invalid' } });
    expect(fixture.caretaker.calls).toEqual([]);
  });

  it('is asked by POST only', async () => {
    await using fixture = await ControlFixture.open();

    expect((await fixture.post('/v1/stats', '{}', 'GET')).status).toBe(404);
  });
});
