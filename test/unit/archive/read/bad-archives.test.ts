import { execFile } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Header } from 'tar/header';
import { describe, expect, it } from 'vitest';
import { tarEnd, tarHeader } from '../../../../src/archive/tar.ts';
import { mediaTypes } from '../../../../src/oci/media-type.ts';
import { digestHex } from '../../../../src/oci/digest.ts';
import {
  blob,
  dockerSave,
  json,
  layout,
  named,
  plainImage,
  tarOf,
  type Entry,
} from '../../../support/archive.ts';
import { content, makeImage, type Content } from '../../../support/image.ts';
import { ImportedCache, piped, type Said } from '../../../support/imported-cache.ts';

const image = makeImage({ oci: true, layers: [20_000, 30_000] });
const name = 'docker.io/library/app:1';
const whole = layout([named(image, name)], image);
const [layer] = image.layers;
if (layer === undefined) throw new Error('an image has a layer');

/** Imports the same bytes from a file and from a pipe: nothing may be visible after either. */
async function refusals(tar: Buffer): Promise<readonly (string | undefined)[]> {
  const said: (string | undefined)[] = [];
  for (const from of ['file', 'pipe']) {
    await using fixture = await ImportedCache.open();
    const { error } =
      from === 'file'
        ? await fixture.import([await fixture.write('bad.tar', tar)])
        : await fixture.import(['-'], { stdin: piped(tar) });
    expect(await fixture.cache.metadata.inventory.counts()).toMatchObject({ manifests: 0, tags: 0 });
    said.push(error);
  }
  return said;
}

/** The same error from both, after the name of the file. */
async function refusal(tar: Buffer): Promise<string | undefined> {
  const [first, second] = await refusals(tar);
  expect(second).toBe(first?.replace(/^bad\.tar/u, 'standard input'));
  return first;
}

/** A header that says what a test wants. */
function header(fields: ConstructorParameters<typeof Header>[0] & object): Buffer {
  const block = Buffer.alloc(512);
  new Header(fields).encode(block);
  return block;
}

describe('an archive is refused, and nothing of it is visible,', () => {
  it('when it is cut off inside a blob, which is named', async () => {
    const tar = tarOf(whole);
    const at = tar.indexOf(layer.bytes.subarray(0, 100));
    const cut = `${blob(layer).name} is cut off: the archive ends after 1000 of its 20000 bytes`;
    expect(await refusal(tar.subarray(0, at + 1000))).toBe(`bad.tar: ${cut}`);
  });

  it('when it is cut off inside a header', async () => {
    const tar = tarOf(whole);
    expect(await refusal(tar.subarray(0, 700))).toMatch(
      /^bad\.tar: blobs\/sha256\/[a-f0-9]+ is cut off: the archive ends/u,
    );
    const second = 512 + Math.ceil(image.bytes.length / 512) * 512;
    expect(await refusal(tar.subarray(0, second + 100))).toMatch(
      /^bad\.tar is cut off behind blobs\/sha256\/[a-f0-9]+, \d+ bytes long$/u,
    );
  });

  it.each<[string, Entry, string]>([
    [
      'an absolute name',
      { name: '/etc/passwd', bytes: Buffer.from('x') },
      '/etc/passwd has or leads to an absolute name',
    ],
    ['a name that climbs', { name: '../../x', bytes: Buffer.from('x') }, '../../x leads out of the archive'],
    [
      'a name that climbs in its middle',
      { name: 'a/../../x', bytes: Buffer.from('x') },
      'a/../../x leads out of the archive',
    ],
    ['a link out of it', { name: 'x', link: '../../etc/passwd' }, 'x leads out of the archive'],
    ['a link to an absolute name', { name: 'x', link: '/etc/passwd' }, 'x has or leads to an absolute name'],
    ['a hard link out of it', { name: 'x', link: '../x', hard: true }, 'x leads out of the archive'],
    ['a folder outside', { name: '../x/', type: 'Directory' }, '../x/ leads out of the archive'],
    ['a device', { name: 'x', type: 'CharacterDevice' }, 'x is a device'],
    ['a named pipe', { name: 'x', type: 'FIFO' }, 'x is a named pipe'],
    [
      'a sparse file',
      { name: 'x', type: 'SparseFile' },
      'x is a sparse file, which no tool for images writes',
    ],
    ['a file twice', json('index.json', {}), 'index.json stands in it twice'],
  ])('when it has %s', async (_, entry, problem) => {
    expect(await refusal(tarOf([...whole, entry]))).toBe(`bad.tar: ${problem}`);
  });

  it('when a link in it leads nowhere, or in a circle', async () => {
    const [config, ...rest] = dockerSave([{ ...plainImage('a'), tags: ['app:1'] }]).toReversed();
    const broken = (link: Entry): readonly Entry[] =>
      [config, ...rest]
        .flatMap((entry) => (entry === undefined || entry.name.endsWith('/layer.tar') ? [] : [entry]))
        .concat(
          rest.flatMap((entry) => (entry.name.endsWith('/layer.tar') ? [{ ...link, name: entry.name }] : [])),
        );
    expect(await refusal(tarOf(broken({ name: '', link: 'nowhere' })))).toMatch(
      /layer\.tar is a link to [a-f0-9]+\/nowhere, which is not there$/u,
    );
    expect(await refusal(tarOf(broken({ name: '', link: 'layer.tar' })))).toMatch(
      /layer\.tar is a link that leads in a circle$/u,
    );
  });

  it('when a header of it is huge', async () => {
    const pax = header({ path: 'PaxHeader', type: 'ExtendedHeader', size: 64 * 1024 * 1024 });
    expect(await refusal(Buffer.concat([pax, tarOf(whole)]))).toBe(
      'bad.tar: PaxHeader is a header of 67108864 bytes; at most 1048576 are read',
    );
  });

  it('when a PAX header tells of a sparse file', async () => {
    const text = Buffer.from('22 GNU.sparse.major=1\n');
    const pax = header({ path: 'PaxHeader', type: 'ExtendedHeader', size: text.length });
    const tar = Buffer.concat([pax, text, Buffer.alloc(512 - text.length), tarOf(whole)]);
    expect(await refusal(tar)).toContain('is a sparse file');
  });

  it('when it has entries without end', async () => {
    const block = header({ path: 'x', type: 'Directory', size: 0 });
    const folders = Buffer.concat([...Array.from({ length: 50_001 }, () => block), tarEnd]);
    await using fixture = await ImportedCache.open();
    expect((await fixture.import(['-'], { stdin: piped(folders) })).error).toBe(
      'standard input has more than 50000 entries: it holds no images',
    );
  });

  it('when it is damaged in its middle', async () => {
    const tar = tarOf(whole);
    const second = 512 + Math.ceil(image.bytes.length / 512) * 512;
    tar.fill(0xff, second, second + 512);
    expect(await refusal(tar)).toMatch(
      new RegExp(
        `^bad\\.tar is damaged at byte ${second}, behind blobs/sha256/${digestHex(image.digest)}$`,
        'u',
      ),
    );
  });

  it.each<[string, (entry: Entry & { bytes: Buffer }) => Buffer]>([
    ['bytes', ({ bytes }) => Buffer.from(bytes).fill(0, 0, 1)],
    ['many bytes', ({ bytes }) => Buffer.alloc(bytes.length)],
  ])('when a blob in it has wrong %s', async (_, spoil) => {
    for (const spoiled of [layer, image.config, image]) {
      const entries = whole.map((entry) =>
        entry.name === blob(spoiled).name && 'bytes' in entry
          ? { name: entry.name, bytes: spoil(entry) }
          : entry,
      );
      expect(await refusal(tarOf(entries))).toBe(
        `bad.tar: ${blob(spoiled).name} is damaged: its bytes are not what its digest says`,
      );
    }
  });

  it('when a blob in it has another size than its manifest says', async () => {
    const entries = whole.map((entry) =>
      entry.name === blob(layer).name ? { name: entry.name, bytes: Buffer.alloc(19_999) } : entry,
    );
    const [fromFile] = await refusals(tarOf(entries));
    expect(fromFile).toBe(`bad.tar: ${blob(layer).name} has 19999 bytes, where its manifest says 20000`);
  });

  it('when a layer of a Docker archive is not what its config says', async () => {
    const good = plainImage('good');
    const bad = { ...good, layers: plainImage('bad').layers };
    const [fromFile, fromPipe] = await refusals(tarOf(dockerSave([{ ...bad, tags: ['app:1'] }])));
    expect(fromFile).toMatch(/layer\.tar is damaged: its bytes are not what its digest says$/u);
    expect(fromPipe).toMatch(/layer\.tar is damaged: its bytes are not what its digest says$/u);
  });

  it('when a Docker archive lists other layers than its config', async () => {
    const two = plainImage('two');
    const tar = tarOf(dockerSave([{ ...two, layers: two.layers.slice(1), tags: ['app:1'] }]));
    expect(await refusal(tar)).toMatch(
      /^bad\.tar: manifest\.json lists 1 layers for [a-f0-9]+\.json, which has 2$/u,
    );
  });

  it('when a manifest has one byte more than registries take', async () => {
    const bytes = Buffer.alloc(4 * 1024 * 1024 + 1, ' ');
    image.bytes.copy(bytes);
    const large = content(bytes, mediaTypes.ociManifest);
    const said = await refusals(tarOf([...layout([named(large, name)], image), blob(large)]));
    expect(said[0]).toBe(`bad.tar: ${blob(large).name} has 4194305 bytes; at most 4194304 are read`);
    expect(said[1]).toMatch(/has 4194305 bytes; at most 4194304 are read$/u);
  });

  it('when indexes lie too deep in one another', async () => {
    const indexes: Content[] = [image];
    for (let depth = 0; depth < 10; depth += 1) {
      const [inner] = indexes.slice(-1);
      if (inner === undefined) break;
      const { mediaType, digest, size } = inner;
      const outer = {
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [{ mediaType, digest, size }],
      };
      indexes.push(content(Buffer.from(JSON.stringify(outer)), mediaTypes.ociIndex));
    }
    const [outermost = image] = indexes.slice(-1);
    const tar = tarOf([...indexes.map(blob), ...layout([named(outermost, name)], image)]);
    expect(await refusal(tar)).toBe(
      `bad.tar: ${blob(outermost).name} has more than 8 indexes in one another`,
    );
  });

  it.each<[string, readonly Entry[], string]>([
    [
      'index.json is no JSON',
      [{ name: 'index.json', bytes: Buffer.from('{\n  "a": 1,\n  x') }],
      'bad.tar: index.json is not JSON: Expected double-quoted property name in JSON at position 14 (line 3 column 3)',
    ],
    [
      'index.json is of another shape',
      [json('index.json', { manifests: [{ digest: 'x' }] })],
      'bad.tar: index.json is not understood: manifests.0.digest: not a valid digest',
    ],
    [
      'index.json lists nothing',
      [json('index.json', { manifests: null })],
      'bad.tar: index.json lists no image',
    ],
    [
      'index.json lists what is not there',
      [json('index.json', { manifests: [named(image, name)] })],
      `bad.tar: ${blob(image).name} is missing: index.json lists it`,
    ],
    ['manifest.json is null', [json('manifest.json', null)], 'bad.tar: manifest.json lists no image'],
    [
      'it is older than manifest.json',
      [json('repositories', {})],
      'bad.tar was written by a Docker older than 1.10, or a tool like it: it has no manifest.json. Load it into a Docker 20.10 and save it anew',
    ],
    [
      'its images are in a folder',
      whole.map((entry) => ({ ...entry, name: `bundle/${entry.name}` })),
      'bad.tar has its images in the folder bundle, which no tool reads: pack what is in that folder',
    ],
    [
      'it holds other things',
      [{ name: 'README.md', bytes: Buffer.from('{}') }],
      'bad.tar holds no images: there is neither an index.json nor a manifest.json in it',
    ],
    [
      'its bundle is of a newer version',
      [json('entrepot.json', { version: 99 })],
      'bad.tar is no bundle that can be read: entrepot.json is of version 99: a newer Entrepot reads it',
    ],
  ])('when %s', async (_, entries, expected) => {
    expect(await refusal(tarOf(entries))).toBe(expected);
  });

  it('when it is no archive at all', async () => {
    expect(await refusal(Buffer.from('hello'))).toBe(
      'bad.tar is no archive: it is neither a tar nor a folder',
    );
    expect(await refusal(Buffer.alloc(5000, 'hello'))).toBe(
      'bad.tar is no archive: it does not begin like a tar',
    );
    expect(await refusal(Buffer.alloc(0))).toBe('bad.tar is empty');
  });

  it('when it is packed in a way that is not read, with what to do', async () => {
    expect(await refusal(Buffer.from('fd377a585a00000000', 'hex'))).toBe(
      'bad.tar is compressed with xz, which is not read here: unpack it first, as with "xz -dc FILE | entrepot import -"',
    );
    expect(await refusal(Buffer.from('BZh91AY'))).toContain('"bzip2 -dc FILE | entrepot import -"');
    const tar = tarOf(whole);
    const frames = Buffer.concat([
      zstdCompressSync(tar.subarray(0, 5120)),
      zstdCompressSync(tar.subarray(5120)),
    ]);
    expect(await refusal(frames)).toMatch(
      /^bad\.tar(?:: \S+)? (?:consists of several zstd frames|is cut off)/u,
    );
  });

  it('when what is packed is cut off, or damaged', async () => {
    const packed = gzipSync(tarOf(whole));
    expect(await refusal(packed.subarray(0, packed.length - 100))).toBe('bad.tar is cut off');
    expect(await refusal(Buffer.from(packed).fill(0xff, 100, 200))).toContain('bad.tar is damaged');
  });
});

describe('of a packed archive', () => {
  it('no more is written than there is room for, whatever it unpacks to', async () => {
    await using fixture = await ImportedCache.open({ space: { maxsize: { bytes: 50 * 2 ** 20 } } });
    const size = 60 * 2 ** 20;
    const bomb = gzipSync(Buffer.concat([tarHeader(blob(layer).name, size), Buffer.alloc(size)]), {
      level: 1,
    });
    const { error } = await fixture.import([await fixture.write('bad.tar.gz', bomb)]);
    expect(error).toMatch(
      /^bad\.tar\.gz: blobs\/sha256\/[a-f0-9]+: no room for a blob of 60 MiB: storage\.maxsize is 50 MiB/u,
    );
    expect(await Array.fromAsync(fixture.cache.content.listPartial())).toEqual([]);
  });
});

describe('of a folder', () => {
  const unpacked = async (spoil: (folder: string, file: string) => Promise<unknown>): Promise<Said> => {
    await using fixture = await ImportedCache.open();
    const folder = await fixture.unpack(whole);
    await spoil(folder, `${folder}/${blob(layer).name}`);
    return await fixture.import([folder]);
  };

  it('nothing outside is read', async () => {
    const { error } = await unpacked(async (folder, file) => {
      await writeFile(`${folder}/../outside`, layer.bytes);
      await rm(file);
      await symlink('../../../outside', file);
    });
    expect(error).toBe(`unpacked: ${blob(layer).name} leads out of the folder`);
  });

  it('only regular files are read', async () => {
    for (const make of [
      async (file: string) => mkdir(file),
      async (file: string) => promisify(execFile)('mkfifo', [file]),
    ]) {
      const { error } = await unpacked(async (_, file) => {
        await rm(file);
        await make(file);
      });
      expect(error).toBe(`unpacked: ${blob(layer).name} is no regular file`);
    }
  });
});

it('what comes behind the end of an archive is told, and not read', async () => {
  for (const gap of [0, 10_240]) {
    await using fixture = await ImportedCache.open();
    const second = makeImage({ oci: true, seed: 7 });
    const tar = Buffer.concat([
      tarOf(whole),
      Buffer.alloc(gap),
      tarOf(layout([named(second, 'app:2')], second)),
    ]);
    const { images, notes } = await fixture.import([await fixture.write('two.tar', tar)]);
    expect(images.map((one) => one.name)).toEqual([name]);
    expect(notes).toEqual(['has more behind its end, perhaps another archive, which is not read']);
  }
});

it('blobs that came before an archive was cut off stay, and the whole one brings the rest', async () => {
  await using fixture = await ImportedCache.open();
  const entries = [...whole].toSorted((one) => (one.name === blob(layer).name ? -1 : 1));
  const tar = tarOf(entries);
  const { error } = await fixture.import(['-'], { stdin: piped(tar.subarray(0, tar.length - 20_000)) });
  expect(error).toContain('is cut off');
  expect(await fixture.cache.metadata.blob(layer.digest)).toBe(layer.size);
  const { images } = await fixture.import(['-'], { stdin: piped(tar) });
  expect(images).toMatchObject([{ name, digest: image.digest }]);
  expect(await fixture.holds(image)).toBe(true);
});
