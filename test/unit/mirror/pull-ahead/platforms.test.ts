import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../../src/upstream/registry.ts';
import { makeAttestedIndex } from '../../../support/attested-index.ts';
import { eventually } from '../../../support/deadline.ts';
import { content, makeImage, makeIndex, type Image, type ImageIndex } from '../../../support/image.ts';
import { byTag, MirrorFixture, readAll, target } from '../../../support/mirror-fixture.ts';

const hello = target('library/hello');
const latest = byTag('latest');
const on = { pullAhead: { enabled: true } };
const MiB = 2 ** 20;

function publish(fixture: MirrorFixture, index: ImageIndex, tag = 'latest'): void {
  fixture.upstream.addManifest('library/hello', index.bytes, tag);
  for (const image of index.images) {
    fixture.upstream.addManifest('library/hello', image.bytes);
    for (const { bytes } of [image.config, ...image.layers]) fixture.upstream.addBlob('library/hello', bytes);
  }
}

const get = (fixture: MirrorFixture, { digest }: { readonly digest: Image['digest'] }) =>
  fixture.mirror.manifest(hello, { digest }, 'GET');

const read = async (
  fixture: MirrorFixture,
  { digest }: { readonly digest: Image['digest'] },
): Promise<Buffer> => readAll(await fixture.mirror.openBlob(hello, digest));

/** The images of which upstream was asked for layers. */
function asked(fixture: MirrorFixture, images: readonly Image[]): readonly number[] {
  const isAsked = ({ digest }: Image['config']): boolean =>
    fixture.upstream.requests.some((request) => request.startsWith('BLOB') && request.includes(digest));
  return images.flatMap(({ layers }, index) => (layers.some(isAsked) ? [index] : []));
}

const isHeld = async (fixture: MirrorFixture, { config, layers }: Image): Promise<boolean> => {
  const held = await Promise.all([config, ...layers].map(({ digest }) => fixture.metadata.blob(digest)));
  return !held.includes(undefined);
};

/** Long enough for anything that was going to be asked. */
const awhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

/** A part of an index that must be there. */
function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}

describe('a client that reads the manifests of all platforms', () => {
  it.each(['in parallel', 'one after the other'])(
    'of an index, %s, has the layers of that one fetched of which it asks for a layer',
    async (how) => {
      const index = makeAttestedIndex(4);
      await using fixture = await MirrorFixture.open(on);
      publish(fixture, index);
      // What is fetched of the first before the second is asked for ends, and starts over once it is wanted.
      fixture.upstream.before = async (request) => {
        if (request.startsWith('BLOB')) await awhile();
      };
      await fixture.mirror.manifest(hello, latest, 'GET');
      if (how === 'in parallel') await Promise.all(index.images.map((image) => get(fixture, image)));
      else {
        await get(fixture, at(index.platforms, 0));
        await eventually(60_000, 'the first one’s layers', () => asked(fixture, index.platforms).length > 0);
        for (const image of index.images.slice(1)) await get(fixture, image);
      }
      const wanted = at(index.platforms, 2);

      await read(fixture, at(wanted.layers, 0));

      await eventually(60_000, 'its layers', () => isHeld(fixture, wanted));
      await awhile();
      const others = how === 'in parallel' ? [] : [0];
      expect(asked(fixture, index.platforms)).toEqual([...others, 2]);
      for (const layer of at(index.platforms, 0).layers) {
        expect(await fixture.metadata.blob(layer.digest)).toBeUndefined();
      }
    },
  );

  it('has nothing fetched because it reads their configs', async () => {
    const index = makeAttestedIndex(3);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await Promise.all(index.images.map((image) => get(fixture, image)));

    for (const { config } of index.images) await read(fixture, config);
    await awhile();

    expect(asked(fixture, index.platforms)).toEqual([]);
  });

  it('has nothing fetched because of a layer that several of them have', async () => {
    const shared = makeImage({ layers: [5000, 6000], seed: 1 });
    const images = [5, 6].map((seed) => makeImage({ layers: [5000, 7000], seed, config: { seed } }));
    const common = images.map((image) => withLayer(image, at(shared.layers, 0)));
    const index = makeIndex(common);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await Promise.all(common.map((image) => get(fixture, image)));

    await read(fixture, at(shared.layers, 0));
    await awhile();
    expect(await fixture.metadata.blob(at(at(common, 1).layers, 1).digest)).toBeUndefined();
    await read(fixture, at(at(common, 1).layers, 1));

    await eventually(60_000, 'the second', () => isHeld(fixture, at(common, 1)));
    expect(await fixture.metadata.blob(at(at(common, 0).layers, 1).digest)).toBeUndefined();
  });

  it('is known by an index that was pulled before a restart', async () => {
    const index = makeAttestedIndex(3);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await fixture.restart();

    await Promise.all(index.images.map((image) => get(fixture, image)));
    await awhile();

    expect(asked(fixture, index.platforms)).toEqual([]);
  });

  it('costs the next one that reads a single manifest nothing, a minute later', async () => {
    const index = makeAttestedIndex(2);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await Promise.all(index.platforms.map((image) => get(fixture, image)));
    await awhile();
    await fixture.clock.advance(61_000);

    await get(fixture, at(index.platforms, 1));

    await eventually(60_000, 'its layers', () => isHeld(fixture, at(index.platforms, 1)));
    expect(asked(fixture, index.platforms)).toEqual([1]);
  });

  it('has the layers of one fetched for who asks for a layer minutes later, as BuildKit does', async () => {
    const index = makeAttestedIndex(2);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    await fixture.mirror.manifest(hello, latest, 'GET');
    await Promise.all(index.platforms.map((image) => get(fixture, image)));
    await awhile();
    await fixture.clock.advance(9 * 60_000);

    await read(fixture, at(at(index.platforms, 1).layers, 2));

    await eventually(60_000, 'its layers', () => isHeld(fixture, at(index.platforms, 1)));
    expect(asked(fixture, index.platforms)).toEqual([1]);
  });
});

describe('a client that reads the manifest of one platform', () => {
  it('has its layers fetched at once', async () => {
    const index = makeAttestedIndex(6);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);

    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, at(index.platforms, 3));

    await eventually(60_000, 'its layers', () => isHeld(fixture, at(index.platforms, 3)));
    expect(asked(fixture, index.platforms)).toEqual([3]);
  });

  it('has them fetched on while another pulls another platform, once it has asked for a layer', async () => {
    const index = makeAttestedIndex(2, { layers: 6 });
    const [one, two] = [at(index.platforms, 0), at(index.platforms, 1)];
    await using fixture = await MirrorFixture.open({ pullAhead: { enabled: true, parallel: 1 } });
    publish(fixture, index);
    fixture.upstream.before = async (request) => {
      if (request.startsWith('BLOB')) await awhile();
    };
    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, one);
    await read(fixture, at(one.layers, 0));

    await get(fixture, two);
    await read(fixture, at(two.layers, 0));

    await eventually(
      20_000,
      'both',
      async () => (await isHeld(fixture, one)) && (await isHeld(fixture, two)),
    );
    expect(asked(fixture, index.platforms)).toEqual([0, 1]);
  });
});

describe('an image of which no client asks for a layer', () => {
  /** Sends what is asked for in pieces, and waits after each for others to have a turn. */
  function slowly(fixture: MirrorFixture): void {
    const { body } = fixture.upstream;
    fixture.upstream.body = async function* (bytes, offset) {
      for await (const piece of body(bytes, offset)) {
        await new Promise(setImmediate);
        yield piece;
      }
    };
  }

  it('is fetched no further than 64 MiB, until one does', async () => {
    const large = makeImage({ layers: [40 * MiB, 40 * MiB, 40 * MiB] });
    await using fixture = await MirrorFixture.open({ pullAhead: { enabled: true, parallel: 1 } });
    fixture.upstream.addManifest('library/hello', large.bytes, 'latest');
    for (const { bytes } of [large.config, ...large.layers]) fixture.upstream.addBlob('library/hello', bytes);
    fixture.upstream.body = async function* (bytes, offset) {
      for (let position = offset; position < bytes.length; position += MiB) {
        await new Promise(setImmediate);
        yield bytes.subarray(position, Math.min(position + MiB, bytes.length));
      }
    };

    await fixture.mirror.manifest(hello, latest, 'GET');
    await eventually(60_000, 'the second layer to be given up', async () => {
      const partial = [];
      for await (const { digest } of fixture.content.listPartial()) partial.push(digest);
      return (
        partial.includes(at(large.layers, 1).digest) && !fixture.space.inUse.has(at(large.layers, 1).digest)
      );
    });
    expect(asked(fixture, [large])).toEqual([0]);
    expect(fixture.upstream.requests.filter((one) => one.includes(at(large.layers, 2).digest))).toEqual([]);
    const { bytes, unaskedBytes } = fixture.pullAheadCounter.counts;
    expect(bytes).toBeGreaterThan(64 * MiB);
    expect(bytes).toBeLessThan(72 * MiB);
    expect(unaskedBytes).toBe(bytes);

    expect((await read(fixture, at(large.layers, 0))).length).toBe(40 * MiB);

    await eventually(60_000, 'all of it', () => isHeld(fixture, large));
    // The beginning of the second is not asked for again.
    const resumed = fixture.upstream.requests.findLast((one) => one.includes(at(large.layers, 1).digest));
    expect(Number(resumed?.split(' ')[3]?.split('-')[0])).toBeGreaterThan(20 * MiB);
  });

  it('is fetched no further than that with a layer that another has as well, until one does', async () => {
    await using fixture = await MirrorFixture.open(on);
    const { versions } = publishVersions(fixture);
    slowly(fixture);

    for (const version of versions) await get(fixture, version);
    await eventually(
      60_000,
      'the layer to be given up',
      () => fixture.pullAheadCounter.counts.bytes > 64 * MiB,
    );
    expect(fixture.pullAheadCounter.counts.bytes).toBeLessThan(80 * MiB);
    expect(await isHeld(fixture, at(versions, 1))).toBe(false);

    await read(fixture, at(at(versions, 1).layers, 1));

    await eventually(60_000, 'all of the second', () => isHeld(fixture, at(versions, 1)));
  });

  it('leaves a layer to another that is pulled', async () => {
    await using fixture = await MirrorFixture.open(on);
    const { large, versions } = publishVersions(fixture);
    slowly(fixture);

    for (const version of versions) await get(fixture, version);
    await read(fixture, at(at(versions, 1).layers, 1));

    await eventually(60_000, 'all of it', () => isHeld(fixture, at(versions, 1)));
    const requests = fixture.upstream.requests.filter((one) => one.includes(large.digest));
    expect(requests.filter((one) => one.split(' ')[3]?.startsWith('0'))).toHaveLength(1);
  });

  it('is counted as not asked for, until one does', async () => {
    const index = makeAttestedIndex(1);
    const image = at(index.platforms, 0);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    slowly(fixture);

    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, image);
    await eventually(60_000, 'its layers', () => isHeld(fixture, image));
    await fixture.settled();
    const all = [image.config, ...image.layers].reduce((sum, { size }) => sum + size, 0);
    await eventually(60_000, 'the count', () => fixture.pullAheadCounter.counts.bytes === all);
    expect(fixture.pullAheadCounter.counts).toEqual({ bytes: all, unaskedBytes: all });

    await read(fixture, at(image.layers, 0));

    expect(fixture.pullAheadCounter.counts.unaskedBytes).toBe(all - at(image.layers, 0).size);
  });

  it('gives its bytes to the next that asks while it is given up', async () => {
    const index = makeAttestedIndex(2, { layers: [300_000] });
    const [one, two] = [at(index.platforms, 0), at(index.platforms, 1)];
    const { promise: going, resolve: go } = Promise.withResolvers<void>();
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    fixture.upstream.before = async (request) => {
      if (request.includes(at(one.layers, 0).digest)) await going;
    };
    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, one);
    await eventually(60_000, 'its layer', () => asked(fixture, index.platforms).includes(0));

    await get(fixture, two);
    const reading = read(fixture, at(one.layers, 0));
    go();

    expect((await reading).equals(at(one.layers, 0).bytes)).toBe(true);
  });
});

describe('what is attested of an image', () => {
  it('is fetched after its layers once a client pulls it, so that Docker 29 can do without upstream', async () => {
    const index = makeAttestedIndex(3);
    const [image, attestation] = [at(index.platforms, 1), at(index.attestations, 1)];
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);

    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, image);
    await read(fixture, at(image.layers, 0));

    await eventually(60_000, 'the attestation', () => isHeld(fixture, attestation));
    await fixture.settled();
    const requests = fixture.upstream.requests.map((request) => request.split(' ').slice(0, 3).join(' '));
    const getAttestation = requests.indexOf(`GET library/hello ${attestation.digest}`);
    for (const { digest } of image.layers) {
      expect(getAttestation).toBeGreaterThan(requests.indexOf(`BLOB library/hello ${digest}`));
    }
    expect(fixture.upstream.count('GET')).toBe(3);
    fixture.upstream.before = () => {
      throw new UpstreamError('unavailable', 'upstream is away');
    };
    expect((await get(fixture, attestation)).result).toBe('hit');
    for (const part of [attestation.config, ...attestation.layers]) {
      expect((await read(fixture, part)).equals(part.bytes)).toBe(true);
    }
    const referrers = await fixture.mirror.referrers(hello, attestation.digest, undefined);
    expect(referrers.descriptors).toEqual([]);
    expect(referrers.warning).toBeDefined();
  });

  it('is asked for once, however often the image is pulled', async () => {
    const index = makeAttestedIndex(1);
    const image = at(index.platforms, 0);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    for (let pull = 0; pull < 3; pull += 1) {
      await fixture.mirror.manifest(hello, latest, 'GET');
      await get(fixture, image);
      await read(fixture, at(image.layers, 0));
      await eventually(60_000, 'the attestation', () => isHeld(fixture, at(index.attestations, 0)));
      await fixture.settled();
      await fixture.clock.advance(11 * 60_000);
    }

    expect(fixture.upstream.requests.filter((one) => one.startsWith('GET'))).toHaveLength(3);
  });

  it('is fetched with an image that was held before', async () => {
    const index = makeAttestedIndex(1);
    const image = at(index.platforms, 0);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    fixture.upstream.before = (request) => {
      if (request.includes(at(index.attestations, 0).digest))
        throw new UpstreamError('unavailable', 'upstream is away');
    };
    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, image);
    await read(fixture, at(image.layers, 0));
    await eventually(60_000, 'the end', () => fixture.log.some(({ isComplete }) => isComplete === false));
    fixture.upstream.before = () => undefined;
    await fixture.clock.advance(31_000);

    await get(fixture, image);

    await eventually(60_000, 'the attestation', () => isHeld(fixture, at(index.attestations, 0)));
    expect(fixture.upstream.count(`GET library/hello ${at(index.attestations, 0).digest}`)).toBe(2);
  });

  it.each([
    ['few pulls are left', { limit: 100, remaining: 20 }, 0],
    ['no more than ten are left, of however many', { remaining: 10 }, 0],
    ['enough pulls are left', { limit: 100, remaining: 21 }, 1],
  ])('costs a manifest where upstream says that %s: %o', async (_what, state, manifests) => {
    const index = makeAttestedIndex(1);
    const [image, attestation] = [at(index.platforms, 0), at(index.attestations, 0)];
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    fixture.upstream.rateLimit = { limit: undefined, windowSeconds: undefined, source: undefined, ...state };

    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, image);
    await read(fixture, at(image.layers, 0));
    const isComplete = manifests === 1;
    await eventually(60_000, 'the end', () => fixture.log.some((line) => line['isComplete'] === isComplete));

    expect(fixture.upstream.count(`GET library/hello ${attestation.digest}`)).toBe(manifests);
  });

  it('that upstream does not have is not asked for time and again', async () => {
    const index = makeAttestedIndex(1);
    const [image, attestation] = [at(index.platforms, 0), at(index.attestations, 0)];
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    fixture.upstream.removeManifest('library/hello', attestation.digest);

    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, image);
    await read(fixture, at(image.layers, 0));
    await eventually(60_000, 'the end', () => fixture.log.some(({ isComplete }) => isComplete === true));
    await fixture.clock.advance(60_000);
    await get(fixture, image);
    await awhile();

    expect(fixture.upstream.count(`GET library/hello ${attestation.digest}`)).toBe(1);
  });

  it('is fetched by a pull that is answered again without the mirror being asked, if it could not be before', async () => {
    const index = makeAttestedIndex(1);
    const [image, attestation] = [at(index.platforms, 0), at(index.attestations, 0)];
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);
    fixture.upstream.rateLimit = { limit: 100, remaining: 1, windowSeconds: undefined, source: undefined };
    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, image);
    await read(fixture, at(image.layers, 0));
    await eventually(60_000, 'the end', () => fixture.log.some(({ isComplete }) => isComplete === false));
    const again = (method: 'GET' | 'HEAD') =>
      fixture.mirror.manifestValidity(hello, { digest: image.digest }, method, image.digest);
    fixture.upstream.rateLimit = undefined;
    await fixture.clock.advance(31_000);

    again('HEAD')?.used();
    await awhile();
    expect(fixture.upstream.count(`GET library/hello ${attestation.digest}`)).toBe(0);
    again('GET')?.used();

    await eventually(60_000, 'the attestation', () => isHeld(fixture, attestation));
  });

  it('is left alone where only its manifest was read', async () => {
    const index = makeAttestedIndex(1);
    await using fixture = await MirrorFixture.open(on);
    publish(fixture, index);

    await fixture.mirror.manifest(hello, latest, 'GET');
    await get(fixture, at(index.platforms, 0));
    await eventually(60_000, 'its layers', () => isHeld(fixture, at(index.platforms, 0)));
    await awhile();

    expect(fixture.upstream.count('GET')).toBe(2);
  });
});

/** Two images in one repository that have a large layer in common. */
function publishVersions(fixture: MirrorFixture): {
  readonly large: Image['config'];
  readonly versions: readonly Image[];
} {
  const large = at(makeImage({ layers: [120 * MiB] }).layers, 0);
  const versions = [2, 3].map((seed) =>
    withLayer(makeImage({ layers: [5000, 6000], seed, config: { seed } }), large),
  );
  for (const version of versions) {
    fixture.upstream.addManifest('library/hello', version.bytes);
    for (const { bytes } of [version.config, ...version.layers])
      fixture.upstream.addBlob('library/hello', bytes);
  }
  return { large, versions };
}

/** The same image with another first layer. */
function withLayer(image: Image, layer: Image['config']): Image {
  const [first, ...layers] = image.layers;
  const bytes = Buffer.from(image.bytes.toString().replace(first?.digest ?? '', layer.digest));
  return { ...image, ...content(bytes, image.mediaType), layers: [layer, ...layers] };
}
