import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../../src/upstream/registry.ts';
import { makeAttestedIndex } from '../../../support/attested-index.ts';
import { eventually } from '../../../support/deadline.ts';
import { content, makeImage, makeIndex, type Image, type ImageIndex } from '../../../support/image.ts';
import { byTag, MirrorHouse, readAll, target } from '../../../support/mirror-house.ts';

const hello = target('library/hello');
const latest = byTag('latest');
const on = { pullAhead: { enabled: true } };
const MiB = 2 ** 20;

function shelve(house: MirrorHouse, index: ImageIndex, tag = 'latest'): void {
  house.upstream.addManifest('library/hello', index.bytes, tag);
  for (const image of index.images) {
    house.upstream.addManifest('library/hello', image.bytes);
    for (const { bytes } of [image.config, ...image.layers]) house.upstream.addBlob('library/hello', bytes);
  }
}

const get = (house: MirrorHouse, { digest }: { readonly digest: Image['digest'] }) =>
  house.mirror.manifest(hello, { digest }, 'GET');

const read = async (house: MirrorHouse, { digest }: { readonly digest: Image['digest'] }): Promise<Buffer> =>
  readAll(await house.mirror.openBlob(hello, digest));

/** The images of which upstream was asked for layers. */
function asked(house: MirrorHouse, images: readonly Image[]): readonly number[] {
  const isAsked = ({ digest }: Image['config']): boolean =>
    house.upstream.requests.some((request) => request.startsWith('BLOB') && request.includes(digest));
  return images.flatMap(({ layers }, index) => (layers.some(isAsked) ? [index] : []));
}

const isHeld = async (house: MirrorHouse, { config, layers }: Image): Promise<boolean> => {
  const held = await Promise.all([config, ...layers].map(({ digest }) => house.metadata.blob(digest)));
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
      await using house = await MirrorHouse.open(on);
      shelve(house, index);
      // What is fetched of the first before the second is asked for ends, and starts over once it is wanted.
      house.upstream.before = async (request) => {
        if (request.startsWith('BLOB')) await awhile();
      };
      await house.mirror.manifest(hello, latest, 'GET');
      if (how === 'in parallel') await Promise.all(index.images.map((image) => get(house, image)));
      else {
        await get(house, at(index.platforms, 0));
        await eventually(20_000, 'the first one’s layers', () => asked(house, index.platforms).length > 0);
        for (const image of index.images.slice(1)) await get(house, image);
      }
      const wanted = at(index.platforms, 2);

      await read(house, at(wanted.layers, 0));

      await eventually(20_000, 'its layers', () => isHeld(house, wanted));
      await awhile();
      const others = how === 'in parallel' ? [] : [0];
      expect(asked(house, index.platforms)).toEqual([...others, 2]);
      for (const layer of at(index.platforms, 0).layers) {
        expect(await house.metadata.blob(layer.digest)).toBeUndefined();
      }
    },
  );

  it('has nothing fetched because it reads their configs', async () => {
    const index = makeAttestedIndex(3);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    await house.mirror.manifest(hello, latest, 'GET');
    await Promise.all(index.images.map((image) => get(house, image)));

    for (const { config } of index.images) await read(house, config);
    await awhile();

    expect(asked(house, index.platforms)).toEqual([]);
  });

  it('has nothing fetched because of a layer that several of them have', async () => {
    const shared = makeImage({ layers: [5000, 6000], seed: 1 });
    const images = [5, 6].map((seed) => makeImage({ layers: [5000, 7000], seed, config: { seed } }));
    const common = images.map((image) => withLayer(image, at(shared.layers, 0)));
    const index = makeIndex(common);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    await house.mirror.manifest(hello, latest, 'GET');
    await Promise.all(common.map((image) => get(house, image)));

    await read(house, at(shared.layers, 0));
    await awhile();
    expect(await house.metadata.blob(at(at(common, 1).layers, 1).digest)).toBeUndefined();
    await read(house, at(at(common, 1).layers, 1));

    await eventually(20_000, 'the second', () => isHeld(house, at(common, 1)));
    expect(await house.metadata.blob(at(at(common, 0).layers, 1).digest)).toBeUndefined();
  });

  it('is known by an index that was pulled before a restart', async () => {
    const index = makeAttestedIndex(3);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    await house.mirror.manifest(hello, latest, 'GET');
    await house.restart();

    await Promise.all(index.images.map((image) => get(house, image)));
    await awhile();

    expect(asked(house, index.platforms)).toEqual([]);
  });

  it('costs the next one that reads a single manifest nothing, a minute later', async () => {
    const index = makeAttestedIndex(2);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    await house.mirror.manifest(hello, latest, 'GET');
    await Promise.all(index.platforms.map((image) => get(house, image)));
    await awhile();
    await house.clock.advance(61_000);

    await get(house, at(index.platforms, 1));

    await eventually(20_000, 'its layers', () => isHeld(house, at(index.platforms, 1)));
    expect(asked(house, index.platforms)).toEqual([1]);
  });

  it('has the layers of one fetched for who asks for a layer minutes later, as BuildKit does', async () => {
    const index = makeAttestedIndex(2);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    await house.mirror.manifest(hello, latest, 'GET');
    await Promise.all(index.platforms.map((image) => get(house, image)));
    await awhile();
    await house.clock.advance(9 * 60_000);

    await read(house, at(at(index.platforms, 1).layers, 2));

    await eventually(20_000, 'its layers', () => isHeld(house, at(index.platforms, 1)));
    expect(asked(house, index.platforms)).toEqual([1]);
  });
});

describe('a client that reads the manifest of one platform', () => {
  it('has its layers fetched at once', async () => {
    const index = makeAttestedIndex(6);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);

    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, at(index.platforms, 3));

    await eventually(20_000, 'its layers', () => isHeld(house, at(index.platforms, 3)));
    expect(asked(house, index.platforms)).toEqual([3]);
  });

  it('has them fetched on while another pulls another platform, once it has asked for a layer', async () => {
    const index = makeAttestedIndex(2, { layers: 6 });
    const [one, two] = [at(index.platforms, 0), at(index.platforms, 1)];
    await using house = await MirrorHouse.open({ pullAhead: { enabled: true, parallel: 1 } });
    shelve(house, index);
    house.upstream.before = async (request) => {
      if (request.startsWith('BLOB')) await awhile();
    };
    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, one);
    await read(house, at(one.layers, 0));

    await get(house, two);
    await read(house, at(two.layers, 0));

    await eventually(20_000, 'both', async () => (await isHeld(house, one)) && (await isHeld(house, two)));
    expect(asked(house, index.platforms)).toEqual([0, 1]);
  });
});

describe('an image of which no client asks for a layer', () => {
  /** Sends what is asked for in pieces, and waits after each for others to have a turn. */
  function slowly(house: MirrorHouse): void {
    const { body } = house.upstream;
    house.upstream.body = async function* (bytes, offset) {
      for await (const piece of body(bytes, offset)) {
        await new Promise(setImmediate);
        yield piece;
      }
    };
  }

  it('is fetched no further than 64 MiB, until one does', async () => {
    const large = makeImage({ layers: [40 * MiB, 40 * MiB, 40 * MiB] });
    await using house = await MirrorHouse.open({ pullAhead: { enabled: true, parallel: 1 } });
    house.upstream.addManifest('library/hello', large.bytes, 'latest');
    for (const { bytes } of [large.config, ...large.layers]) house.upstream.addBlob('library/hello', bytes);
    house.upstream.body = async function* (bytes, offset) {
      for (let position = offset; position < bytes.length; position += MiB) {
        await new Promise(setImmediate);
        yield bytes.subarray(position, Math.min(position + MiB, bytes.length));
      }
    };

    await house.mirror.manifest(hello, latest, 'GET');
    await eventually(60_000, 'the second layer to be given up', async () => {
      const partial = [];
      for await (const { digest } of house.content.listPartial()) partial.push(digest);
      return (
        partial.includes(at(large.layers, 1).digest) && !house.space.inUse.has(at(large.layers, 1).digest)
      );
    });
    expect(asked(house, [large])).toEqual([0]);
    expect(house.upstream.requests.filter((one) => one.includes(at(large.layers, 2).digest))).toEqual([]);
    const { bytes, unaskedBytes } = house.aheadTally.counts;
    expect(bytes).toBeGreaterThan(64 * MiB);
    expect(bytes).toBeLessThan(72 * MiB);
    expect(unaskedBytes).toBe(bytes);

    expect((await read(house, at(large.layers, 0))).length).toBe(40 * MiB);

    await eventually(60_000, 'all of it', () => isHeld(house, large));
    // The beginning of the second is not asked for again.
    const resumed = house.upstream.requests.findLast((one) => one.includes(at(large.layers, 1).digest));
    expect(Number(resumed?.split(' ')[3]?.split('-')[0])).toBeGreaterThan(20 * MiB);
  });

  it('is fetched no further than that with a layer that another has as well, until one does', async () => {
    await using house = await MirrorHouse.open(on);
    const { versions } = shelveVersions(house);
    slowly(house);

    for (const version of versions) await get(house, version);
    await eventually(60_000, 'the layer to be given up', () => house.aheadTally.counts.bytes > 64 * MiB);
    expect(house.aheadTally.counts.bytes).toBeLessThan(80 * MiB);
    expect(await isHeld(house, at(versions, 1))).toBe(false);

    await read(house, at(at(versions, 1).layers, 1));

    await eventually(60_000, 'all of the second', () => isHeld(house, at(versions, 1)));
  });

  it('leaves a layer to another that is pulled', async () => {
    await using house = await MirrorHouse.open(on);
    const { large, versions } = shelveVersions(house);
    slowly(house);

    for (const version of versions) await get(house, version);
    await read(house, at(at(versions, 1).layers, 1));

    await eventually(60_000, 'all of it', () => isHeld(house, at(versions, 1)));
    const requests = house.upstream.requests.filter((one) => one.includes(large.digest));
    expect(requests.filter((one) => one.split(' ')[3]?.startsWith('0'))).toHaveLength(1);
  });

  it('is counted as not asked for, until one does', async () => {
    const index = makeAttestedIndex(1);
    const image = at(index.platforms, 0);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    slowly(house);

    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, image);
    await eventually(20_000, 'its layers', () => isHeld(house, image));
    await house.settled();
    const all = [image.config, ...image.layers].reduce((sum, { size }) => sum + size, 0);
    await eventually(20_000, 'the count', () => house.aheadTally.counts.bytes === all);
    expect(house.aheadTally.counts).toEqual({ bytes: all, unaskedBytes: all });

    await read(house, at(image.layers, 0));

    expect(house.aheadTally.counts.unaskedBytes).toBe(all - at(image.layers, 0).size);
  });

  it('gives its bytes to the next that asks while it is given up', async () => {
    const index = makeAttestedIndex(2, { layers: [300_000] });
    const [one, two] = [at(index.platforms, 0), at(index.platforms, 1)];
    const { promise: going, resolve: go } = Promise.withResolvers<void>();
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    house.upstream.before = async (request) => {
      if (request.includes(at(one.layers, 0).digest)) await going;
    };
    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, one);
    await eventually(20_000, 'its layer', () => asked(house, index.platforms).includes(0));

    await get(house, two);
    const reading = read(house, at(one.layers, 0));
    go();

    expect((await reading).equals(at(one.layers, 0).bytes)).toBe(true);
  });
});

describe('what is attested of an image', () => {
  it('is fetched after its layers once a client pulls it, so that Docker 29 can do without upstream', async () => {
    const index = makeAttestedIndex(3);
    const [image, attestation] = [at(index.platforms, 1), at(index.attestations, 1)];
    await using house = await MirrorHouse.open(on);
    shelve(house, index);

    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, image);
    await read(house, at(image.layers, 0));

    await eventually(20_000, 'the attestation', () => isHeld(house, attestation));
    await house.settled();
    const requests = house.upstream.requests.map((request) => request.split(' ').slice(0, 3).join(' '));
    const getAttestation = requests.indexOf(`GET library/hello ${attestation.digest}`);
    for (const { digest } of image.layers) {
      expect(getAttestation).toBeGreaterThan(requests.indexOf(`BLOB library/hello ${digest}`));
    }
    expect(house.upstream.count('GET')).toBe(3);
    house.upstream.before = () => {
      throw new UpstreamError('unavailable', 'upstream is away');
    };
    expect((await get(house, attestation)).result).toBe('hit');
    for (const part of [attestation.config, ...attestation.layers]) {
      expect((await read(house, part)).equals(part.bytes)).toBe(true);
    }
    const referrers = await house.mirror.referrers(hello, attestation.digest, undefined);
    expect(referrers.descriptors).toEqual([]);
    expect(referrers.warning).toBeDefined();
  });

  it('is asked for once, however often the image is pulled', async () => {
    const index = makeAttestedIndex(1);
    const image = at(index.platforms, 0);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    for (let pull = 0; pull < 3; pull += 1) {
      await house.mirror.manifest(hello, latest, 'GET');
      await get(house, image);
      await read(house, at(image.layers, 0));
      await eventually(20_000, 'the attestation', () => isHeld(house, at(index.attestations, 0)));
      await house.settled();
      await house.clock.advance(11 * 60_000);
    }

    expect(house.upstream.requests.filter((one) => one.startsWith('GET'))).toHaveLength(3);
  });

  it('is fetched with an image that was held before', async () => {
    const index = makeAttestedIndex(1);
    const image = at(index.platforms, 0);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    house.upstream.before = (request) => {
      if (request.includes(at(index.attestations, 0).digest))
        throw new UpstreamError('unavailable', 'upstream is away');
    };
    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, image);
    await read(house, at(image.layers, 0));
    await eventually(20_000, 'the end', () => house.log.some(({ isComplete }) => isComplete === false));
    house.upstream.before = () => undefined;
    await house.clock.advance(31_000);

    await get(house, image);

    await eventually(20_000, 'the attestation', () => isHeld(house, at(index.attestations, 0)));
    expect(house.upstream.count(`GET library/hello ${at(index.attestations, 0).digest}`)).toBe(2);
  });

  it.each([
    ['few pulls are left', { limit: 100, remaining: 20 }, 0],
    ['no more than ten are left, of however many', { remaining: 10 }, 0],
    ['enough pulls are left', { limit: 100, remaining: 21 }, 1],
  ])('costs a manifest where upstream says that %s: %o', async (_what, state, manifests) => {
    const index = makeAttestedIndex(1);
    const [image, attestation] = [at(index.platforms, 0), at(index.attestations, 0)];
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    house.upstream.rateLimit = { limit: undefined, windowSeconds: undefined, source: undefined, ...state };

    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, image);
    await read(house, at(image.layers, 0));
    const isComplete = manifests === 1;
    await eventually(20_000, 'the end', () => house.log.some((line) => line['isComplete'] === isComplete));

    expect(house.upstream.count(`GET library/hello ${attestation.digest}`)).toBe(manifests);
  });

  it('that upstream does not have is not asked for time and again', async () => {
    const index = makeAttestedIndex(1);
    const [image, attestation] = [at(index.platforms, 0), at(index.attestations, 0)];
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    house.upstream.removeManifest('library/hello', attestation.digest);

    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, image);
    await read(house, at(image.layers, 0));
    await eventually(20_000, 'the end', () => house.log.some(({ isComplete }) => isComplete === true));
    await house.clock.advance(60_000);
    await get(house, image);
    await awhile();

    expect(house.upstream.count(`GET library/hello ${attestation.digest}`)).toBe(1);
  });

  it('is fetched by a pull that is answered again without the mirror being asked, if it could not be before', async () => {
    const index = makeAttestedIndex(1);
    const [image, attestation] = [at(index.platforms, 0), at(index.attestations, 0)];
    await using house = await MirrorHouse.open(on);
    shelve(house, index);
    house.upstream.rateLimit = { limit: 100, remaining: 1, windowSeconds: undefined, source: undefined };
    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, image);
    await read(house, at(image.layers, 0));
    await eventually(20_000, 'the end', () => house.log.some(({ isComplete }) => isComplete === false));
    const again = (method: 'GET' | 'HEAD') =>
      house.mirror.manifestValidity(hello, { digest: image.digest }, method);
    house.upstream.rateLimit = undefined;
    await house.clock.advance(31_000);

    again('HEAD')?.used();
    await awhile();
    expect(house.upstream.count(`GET library/hello ${attestation.digest}`)).toBe(0);
    again('GET')?.used();

    await eventually(20_000, 'the attestation', () => isHeld(house, attestation));
  });

  it('is left alone where only its manifest was read', async () => {
    const index = makeAttestedIndex(1);
    await using house = await MirrorHouse.open(on);
    shelve(house, index);

    await house.mirror.manifest(hello, latest, 'GET');
    await get(house, at(index.platforms, 0));
    await eventually(20_000, 'its layers', () => isHeld(house, at(index.platforms, 0)));
    await awhile();

    expect(house.upstream.count('GET')).toBe(2);
  });
});

/** Two images in one repository that have a large layer in common. */
function shelveVersions(house: MirrorHouse): {
  readonly large: Image['config'];
  readonly versions: readonly Image[];
} {
  const large = at(makeImage({ layers: [120 * MiB] }).layers, 0);
  const versions = [2, 3].map((seed) =>
    withLayer(makeImage({ layers: [5000, 6000], seed, config: { seed } }), large),
  );
  for (const version of versions) {
    house.upstream.addManifest('library/hello', version.bytes);
    for (const { bytes } of [version.config, ...version.layers])
      house.upstream.addBlob('library/hello', bytes);
  }
  return { large, versions };
}

/** The same image with another first layer. */
function withLayer(image: Image, layer: Image['config']): Image {
  const [first, ...layers] = image.layers;
  const bytes = Buffer.from(image.bytes.toString().replace(first?.digest ?? '', layer.digest));
  return { ...image, ...content(bytes, image.mediaType), layers: [layer, ...layers] };
}
