import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../../src/oci/digest.ts';
import { UpstreamError } from '../../../../src/upstream/registry.ts';
import { makeArtifact } from '../../../support/artifact.ts';
import { eventually } from '../../../support/deadline.ts';
import { makeImage, makeIndex, type Content, type Image } from '../../../support/image.ts';
import { byTag, fromWebPage, MirrorFixture, readAll, target } from '../../../support/mirror-fixture.ts';
import { cachedBlobs } from '../../../support/published-image.ts';
import { wrapped } from '../../../support/wrapped.ts';

const hello = target('library/hello');
const latest = byTag('latest');
const on = { pullAhead: { enabled: true } };
const oneByOne = { pullAhead: { enabled: true, parallel: 1 } };
const image = makeImage({ layers: 6 });
const parts = blobsOf(image);

function blobsOf({ config, layers }: Image): readonly Digest[] {
  return [config, ...layers].map(({ digest }) => digest);
}

/** Puts a manifest and its blobs upstream. */
function publish(
  fixture: MirrorFixture,
  manifest: Content,
  blobs: readonly Content[],
  name = 'library/hello',
): void {
  fixture.upstream.addManifest(name, manifest.bytes, 'latest');
  for (const { bytes } of blobs) fixture.upstream.addBlob(name, bytes);
}

function publishImage(fixture: MirrorFixture, one: Image = image, name = 'library/hello'): void {
  publish(fixture, one, [one.config, ...one.layers], name);
}

/** The blobs that upstream was asked for, in order. */
function asked(fixture: MirrorFixture): readonly string[] {
  const blobs = fixture.upstream.requests.filter((request) => request.startsWith('BLOB'));
  return blobs.map((request) => request.split(' ')[2] ?? '');
}

const isHeld = async (fixture: MirrorFixture, blobs: readonly Digest[]): Promise<boolean> => {
  const held = await Promise.all(blobs.map((blob) => fixture.metadata.blob(blob)));
  return !held.includes(undefined) && !blobs.some((blob) => fixture.space.inUse.has(blob));
};

const arrived = (fixture: MirrorFixture, blobs: readonly Digest[] = parts): Promise<void> =>
  eventually(60_000, 'the blobs', () => isHeld(fixture, blobs));

/** Long enough for anything that was going to be asked. */
const awhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

/** Has upstream's answers about blobs wait, each until it is let go. */
class Gate {
  readonly #waiting: (() => void)[] = [];
  #open = false;

  constructor(fixture: MirrorFixture) {
    fixture.upstream.before = async (request) => {
      if (!request.startsWith('BLOB') || this.#open) return;
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    };
  }

  letOneGo(): void {
    this.#waiting.shift()?.();
  }

  open(): void {
    this.#open = true;
    for (const letGo of this.#waiting) letGo();
  }
}

describe('a GET of an image’s manifest', () => {
  it('has the config and the layers fetched in their order, without the client asking', async () => {
    await using fixture = await MirrorFixture.open(oneByOne);
    publishImage(fixture);

    await fixture.mirror.manifest(hello, latest, 'GET');

    await arrived(fixture);
    expect(asked(fixture)).toEqual(parts);
    fixture.upstream.requests.length = 0;
    for (const { digest, bytes } of image.layers) {
      const blob = await fixture.mirror.openBlob(hello, digest);
      expect(blob.result).toBe('hit');
      expect((await readAll(blob)).equals(bytes)).toBe(true);
    }
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('has so many blobs fetched at a time as the upstream is to be asked for', async () => {
    await using fixture = await MirrorFixture.open({ pullAhead: { enabled: true, parallel: 3 } });
    publishImage(fixture);
    const gate = new Gate(fixture);

    await fixture.mirror.manifest(hello, latest, 'GET');

    await eventually(60_000, 'the first blobs', () => asked(fixture).length === 3);
    await awhile();
    expect(asked(fixture).toSorted()).toEqual(parts.slice(0, 3).toSorted());
    gate.letOneGo();
    await eventually(60_000, 'the next blob', () => asked(fixture).length === 4);
    await awhile();
    expect(asked(fixture).at(-1)).toBe(parts[3]);
    gate.open();
    await arrived(fixture);
  });

  it('has no more than 16 blobs fetched at a time, however many images are pulled', async () => {
    await using fixture = await MirrorFixture.open(on);
    const images = Array.from({ length: 6 }, (_, seed) => makeImage({ layers: 4, seed: 100 + seed }));
    for (const [index, one] of images.entries()) publishImage(fixture, one, `library/image-${index}`);
    const gate = new Gate(fixture);

    const names = images.map((_, index) => target(`library/image-${index}`));
    await Promise.all(names.map((name) => fixture.mirror.manifest(name, latest, 'GET')));

    await eventually(60_000, 'the first blobs', () => asked(fixture).length === 16);
    await awhile();
    expect(asked(fixture)).toHaveLength(16);
    gate.open();
    await arrived(fixture, images.flatMap(blobsOf));
  });

  it('counts none of the blobs that come for clients among those 16', async () => {
    await using fixture = await MirrorFixture.open({ pullAhead: { enabled: true, parallel: 32 } });
    const one = makeImage({ layers: 20, seed: 300 });
    publishImage(fixture, one);
    const gate = new Gate(fixture);
    const client = one.layers
      .slice(0, 10)
      .map(async ({ digest }) => readAll(await fixture.mirror.openBlob(hello, digest)));
    await eventually(60_000, 'the blobs of clients', () => asked(fixture).length === 10);

    await fixture.mirror.manifest(hello, latest, 'GET');

    await eventually(60_000, 'all blobs', () => asked(fixture).length >= 21);
    expect(asked(fixture).toSorted()).toEqual([...blobsOf(one)].toSorted());
    gate.open();
    await Promise.all(client);
    await arrived(fixture, blobsOf(one));
  });

  it('has only those blobs fetched that are not held', async () => {
    await using fixture = await MirrorFixture.open(oneByOne);
    publishImage(fixture);
    const [first, second] = image.layers;
    for (const part of [first, second]) {
      if (part !== undefined) await readAll(await fixture.mirror.openBlob(hello, part.digest));
    }
    await arrived(fixture, parts.slice(1, 3));
    fixture.upstream.requests.length = 0;

    await fixture.mirror.manifest(hello, latest, 'GET');

    await arrived(fixture);
    expect(asked(fixture)).toEqual([parts[0], ...parts.slice(3)]);
  });

  it('asks the database nothing more about blobs once the image is held', async () => {
    let looks = 0;
    await using fixture = await MirrorFixture.open({
      ...on,
      wrapMetadata: (metadata) =>
        wrapped(metadata, {
          blob: (digest) => {
            looks += 1;
            return metadata.blob(digest);
          },
        }),
    });
    publishImage(fixture);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await eventually(60_000, 'the end', () => fixture.log.some(({ isComplete }) => isComplete === true));
    looks = 0;

    await fixture.mirror.manifest(hello, latest, 'GET');
    await fixture.mirror.manifest(hello, { digest: image.digest }, 'GET');
    await awhile();

    expect(looks).toBe(0);
  });

  it('has all of it fetched again after it was evicted', async () => {
    await using fixture = await MirrorFixture.open({ ...oneByOne, canLogIn: false });
    publishImage(fixture);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await eventually(60_000, 'the end', () => fixture.log.some(({ isComplete }) => isComplete === true));
    await fixture.mirror.remove(hello, latest);
    await eventually(60_000, 'the removal', async () => (await cachedBlobs(fixture)).size === 0);
    fixture.upstream.requests.length = 0;

    await fixture.mirror.manifest(hello, latest, 'GET');

    await arrived(fixture);
    expect(asked(fixture)).toEqual(parts);
  });

  it('goes on with the other blobs when one cannot be had', async () => {
    await using fixture = await MirrorFixture.open(oneByOne);
    publishImage(fixture);
    const missing = parts[2] ?? '';
    fixture.upstream.before = (request) => {
      if (request.includes(missing)) throw new UpstreamError('not-found', 'gone', { status: 404 });
    };

    await fixture.mirror.manifest(hello, latest, 'GET');

    await arrived(
      fixture,
      parts.filter((digest) => digest !== missing),
    );
    expect(asked(fixture)).toEqual(parts);
  });

  it('leaves the rest to the client once upstream says that it is asked too much, and tries again later', async () => {
    await using fixture = await MirrorFixture.open(oneByOne);
    publishImage(fixture);
    const limit = { retryAfter: 3600, status: 429 };
    fixture.upstream.before = (request) => {
      if (request.startsWith('BLOB')) throw new UpstreamError('rate-limited', 'too many', limit);
    };
    await fixture.mirror.manifest(hello, latest, 'GET');
    await eventually(60_000, 'the end', () => fixture.log.some(({ isComplete }) => isComplete === false));
    expect(asked(fixture)).toEqual(parts.slice(0, 1));
    fixture.upstream.before = () => undefined;

    await fixture.clock.advance(31_000);
    await fixture.mirror.manifest(hello, { digest: image.digest }, 'GET');
    await awhile();
    expect(asked(fixture)).toEqual(parts.slice(0, 1));

    await fixture.clock.advance(31_000);
    await fixture.mirror.manifest(hello, { digest: image.digest }, 'GET');
    await arrived(fixture);
  });

  it('leaves an image that could not be fetched whole to its clients for half a minute', async () => {
    await using fixture = await MirrorFixture.open(on);
    publishImage(fixture);
    fixture.upstream.before = (request) => {
      if (request.startsWith('BLOB')) throw new UpstreamError('not-found', 'gone', { status: 404 });
    };
    await fixture.mirror.manifest(hello, latest, 'GET');
    await eventually(60_000, 'the end', () => fixture.log.some(({ isComplete }) => isComplete === false));
    fixture.upstream.before = () => undefined;

    await fixture.clock.advance(29_000);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await awhile();
    expect(asked(fixture)).toHaveLength(parts.length);

    await fixture.clock.advance(2_000);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await arrived(fixture);
  });

  it('does not have fetched what has no room', async () => {
    const large = makeImage({ layers: [5_000, 900_000, 6_000] });
    await using fixture = await MirrorFixture.open({ ...oneByOne, space: { maxsize: { bytes: 700_000 } } });
    publishImage(fixture, large);

    await fixture.mirror.manifest(hello, latest, 'GET');

    const fitting = blobsOf(large).filter((digest) => digest !== large.layers[1]?.digest);
    await arrived(fixture, fitting);
    expect(asked(fixture)).toEqual(fitting);
    expect(fixture.upstream.count('STAT')).toBe(0);
  });
});

describe('nothing is fetched ahead', () => {
  const index = makeIndex([image]);
  const chart = makeArtifact({ configType: 'application/vnd.cncf.helm.config.v1+json' });

  it.each<[string, Content, readonly Content[]]>([
    ['an index', index, [image.config, ...image.layers]],
    ['an artifact', chart, chart.blobs],
  ])('for %s', async (_what, manifest, blobs) => {
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, manifest, blobs);

    await fixture.mirror.manifest(hello, latest, 'GET');
    await awhile();

    expect(fixture.upstream.count('GET')).toBe(1);
    expect(asked(fixture)).toEqual([]);
  });

  it('for a HEAD, and for what a web page looks at', async () => {
    await using fixture = await MirrorFixture.open(on);
    publishImage(fixture);
    const gate = new Gate(fixture);
    await fixture.mirror.manifest(hello, latest, 'HEAD');
    await awhile();
    expect(asked(fixture)).toEqual([]);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await eventually(60_000, 'the first blobs', () => asked(fixture).length === 4);
    const stopped = fixture.restart();
    gate.open();
    await stopped;
    fixture.upstream.requests.length = 0;

    await fixture.mirror.manifest(fromWebPage(hello), latest, 'GET');
    await fixture.mirror.manifest(hello, latest, 'HEAD');
    await awhile();

    expect(asked(fixture)).toEqual([]);
  });

  it('where the upstream is configured so', async () => {
    await using fixture = await MirrorFixture.open({ pullAhead: { enabled: false } });
    publishImage(fixture);

    await fixture.mirror.manifest(hello, latest, 'GET');
    await awhile();

    expect(asked(fixture)).toEqual([]);
  });
});

describe('a client that asks for a blob', () => {
  it('does not wait for those before it, nor does its blob come twice', async () => {
    await using fixture = await MirrorFixture.open(oneByOne);
    publishImage(fixture);
    const gate = new Gate(fixture);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await eventually(60_000, 'the first blob', () => asked(fixture).length === 1);
    const last = image.layers.at(-1);
    if (last === undefined) throw new Error('no layers');

    const blobs = Promise.all(
      [image.config, last].map(async ({ digest }) => readAll(await fixture.mirror.openBlob(hello, digest))),
    );
    await eventually(60_000, 'the blob of the client', () => asked(fixture).includes(last.digest));
    expect(asked(fixture)).toEqual([image.config.digest, last.digest]);
    gate.open();

    expect((await blobs).every((bytes, at) => bytes.equals((at === 0 ? image.config : last).bytes))).toBe(
      true,
    );
    await arrived(fixture);
    expect(asked(fixture).toSorted()).toEqual(parts.toSorted());
  });
});

describe('the rights of the reader who pulled a manifest', () => {
  /**
   * A registry that is asked with an account, where `eve/claims` is public and names the blobs of a private
   * image.
   */
  async function withClaims(): Promise<MirrorFixture> {
    const fixture = await MirrorFixture.open(on);
    fixture.upstream.guard('eve/claims');
    publishImage(fixture, image, 'team/secret');
    fixture.upstream.addManifest('eve/claims', image.bytes, 'latest');
    await fixture.restart();
    return fixture;
  }

  it('are those with which blobs are asked for: what upstream refuses is not fetched by another repository', async () => {
    await using fixture = await withClaims();
    await fixture.mirror.manifest(target('eve/claims'), latest, 'GET');
    await eventually(60_000, 'the end', () => fixture.log.some(({ isComplete }) => isComplete === false));

    const blobRequests = fixture.upstream.requests.filter((request) => request.startsWith('BLOB'));
    expect(blobRequests.every((request) => request.startsWith('BLOB eve/claims '))).toBe(true);
    expect((await cachedBlobs(fixture)).size).toBe(0);
  });

  it('grow by nothing that lies here for others', async () => {
    await using fixture = await withClaims();
    for (const digest of parts) {
      const asking = target('team/secret', undefined, { ...target('x/y').reader, user: 'alice' });
      await readAll(await fixture.mirror.openBlob(asking, digest));
    }
    await arrived(fixture);
    fixture.upstream.requests.length = 0;

    await fixture.mirror.manifest(target('eve/claims'), latest, 'GET');
    await awhile();

    expect(asked(fixture)).toEqual([]);
    for (const digest of parts) {
      await expect(fixture.mirror.openBlob(target('eve/claims'), digest)).rejects.toMatchObject({
        status: 404,
      });
    }
  });

  it.each(['before it is answered', 'while it arrives', 'after it has arrived'])(
    'spare a public image a HEAD for each blob where an account is used, asked for %s',
    async (moment) => {
      await using fixture = await MirrorFixture.open(on);
      fixture.upstream.guard('library/hello');
      publishImage(fixture);
      await fixture.restart();
      const gate = new Gate(fixture);
      const { promise: arriving, resolve: arrive } = Promise.withResolvers<void>();
      const { body } = fixture.upstream;
      fixture.upstream.body = async function* (bytes, offset) {
        yield bytes.subarray(offset, offset + 1);
        await arriving;
        yield* body(bytes.subarray(1), offset);
      };
      await fixture.mirror.manifest(hello, latest, 'GET');
      await eventually(60_000, 'the first blob', () => asked(fixture).length > 0);
      if (moment !== 'before it is answered') gate.open();
      if (moment === 'while it arrives') await awhile();
      if (moment === 'after it has arrived') {
        arrive();
        await arrived(fixture);
      }

      const config = fixture.mirror.openBlob(hello, image.config.digest).then((blob) => readAll(blob));
      await awhile();
      gate.open();
      arrive();

      expect((await config).equals(image.config.bytes)).toBe(true);
      expect(fixture.upstream.count('STAT')).toBe(0);
      await arrived(fixture);
    },
  );
});

describe('a stop while blobs are fetched ahead', () => {
  it('waits for those under way only, and leaves the others to the next client', async () => {
    await using fixture = await MirrorFixture.open(on);
    publishImage(fixture);
    const gate = new Gate(fixture);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await eventually(60_000, 'the first blobs', () => asked(fixture).length === 4);

    const restarted = fixture.restart();
    gate.open();
    await restarted;
    await awhile();

    expect(asked(fixture).toSorted()).toEqual(parts.slice(0, 4).toSorted());
    await fixture.mirror.manifest(hello, latest, 'GET');
    await arrived(fixture);
  });
});
