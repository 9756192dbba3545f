import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBolt, type BoltBucket } from '../../../../src/archive/read/bolt-file.ts';
import { blobsOf } from '../../../support/archive.ts';
import { makeImage } from '../../../support/image.ts';
import { ImportedCache } from '../../../support/imported-cache.ts';

type Tree = { readonly [key: string]: Tree | string };

const pageSize = 4096;
const image = makeImage({ oci: true });
const cut = makeImage({ oci: true, seed: 2 });

/** A leaf page; buckets in it stand in it themselves. */
function leaf(tree: Tree): Buffer {
  const entries = Object.entries(tree).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const header = Buffer.alloc(16 + entries.length * 16);
  header.writeUInt16LE(2, 8);
  header.writeUInt16LE(entries.length, 10);
  const data: Buffer[] = [];
  let position = header.length;
  for (const [index, [key, value]] of entries.entries()) {
    const at = 16 + index * 16;
    const name = Buffer.from(key);
    const bytes =
      typeof value === 'string' ? Buffer.from(value) : Buffer.concat([Buffer.alloc(16), leaf(value)]);
    header.writeUInt32LE(typeof value === 'string' ? 0 : 1, at);
    header.writeUInt32LE(position - at, at + 4);
    header.writeUInt32LE(name.length, at + 8);
    header.writeUInt32LE(bytes.length, at + 12);
    data.push(name, bytes);
    position += name.length + bytes.length;
  }
  return Buffer.concat([header, ...data]);
}

function meta(root: number, transaction: bigint): Buffer {
  const page = Buffer.alloc(pageSize);
  page.writeUInt32LE(0xed0cdaed, 16);
  page.writeUInt32LE(2, 20);
  page.writeUInt32LE(pageSize, 24);
  page.writeBigUInt64LE(BigInt(root), 32);
  page.writeBigUInt64LE(transaction, 64);
  let hash = 0xcbf29ce484222325n;
  for (const byte of page.subarray(16, 72)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  page.writeBigUInt64LE(hash, 72);
  return page;
}

/** A leaf as pages of a file. */
function paged(tree: Tree): Buffer {
  const page = leaf(tree);
  const pages = Math.ceil(page.length / pageSize);
  page.writeUInt32LE(pages - 1, 12);
  return Buffer.concat([page, Buffer.alloc(pages * pageSize - page.length)]);
}

/** A database whose newest root is that one; the one before it was empty. */
function databaseOf(tree: Tree): Buffer {
  return Buffer.concat([meta(3, 7n), meta(2, 6n), paged({}), paged(tree)]);
}

function keys(bucket: BoltBucket): readonly string[] {
  return [...bucket.entries()].map(([key]) => key);
}

describe("a database of containerd's", () => {
  it('is read as of its newest transaction', () => {
    const tree = { a: 'one', b: { c: 'two', long: 'x'.repeat(9000) } };
    const entries = new Map(readBolt(databaseOf(tree)).entries());
    expect(entries.get('a')).toEqual({ bytes: Buffer.from('one') });
    const inner = entries.get('b');
    expect(inner && 'bucket' in inner && keys(inner.bucket)).toEqual(['c', 'long']);
  });

  it('is read as of the transaction before, where the newest is not whole', () => {
    const file = databaseOf({ a: 'one' });
    file.writeUInt8(99, 40);
    expect(keys(readBolt(file))).toEqual([]);
  });

  it('may have branches', () => {
    const branch = Buffer.alloc(pageSize);
    branch.writeUInt16LE(1, 8);
    branch.writeUInt16LE(2, 10);
    branch.writeBigUInt64LE(3n, 16 + 8);
    branch.writeBigUInt64LE(4n, 32 + 8);
    const file = Buffer.concat([meta(2, 7n), meta(2, 6n), branch, paged({ a: '1' }), paged({ b: '2' })]);
    expect(keys(readBolt(file))).toEqual(['a', 'b']);
    // One that leads back to itself ends all the same.
    branch.copy(file, 2 * pageSize);
    file.writeBigUInt64LE(2n, 2 * pageSize + 16 + 8);
    expect(() => keys(readBolt(file))).toThrow('it is damaged, or was changed while it was read');
  });

  it.each([
    ['something else', Buffer.alloc(10_000, 'hello'), 'it is no database of containerd'],
    ['nothing', Buffer.alloc(0), 'it is no database of containerd'],
    [
      'cut off',
      databaseOf({ a: 'one' }).subarray(0, 3 * pageSize),
      'it is damaged, or was changed while it was read',
    ],
  ])('is refused when it is %s', (_, file, problem) => {
    expect(() => keys(readBolt(file))).toThrow(problem);
  });
});

/** A node's folder with these images, by namespace and name. */
async function node(fixture: ImportedCache, names: Readonly<Record<string, string>>): Promise<string> {
  const folder = fixture.folder.join('node');
  const write = async (path: string, bytes: Buffer): Promise<void> => {
    await mkdir(dirname(`${folder}/${path}`), { recursive: true });
    await writeFile(`${folder}/${path}`, bytes);
  };
  for (const entry of blobsOf(image, cut)) {
    const isLost = cut.layers.some(({ bytes }) => 'bytes' in entry && entry.bytes.equals(bytes));
    if ('bytes' in entry && !isLost)
      await write(`io.containerd.content.v1.content/${entry.name}`, entry.bytes);
  }
  const images = Object.fromEntries(
    Object.entries(names).map(([name, digest]) => [
      name,
      { createdat: '', target: { digest, mediatype: 'x' } },
    ]),
  );
  const tree = { v1: { version: '3', default: { images: {} }, 'k8s.io': { images, leases: {} } } };
  await write('io.containerd.metadata.v1.bolt/meta.db', databaseOf(tree));
  return folder;
}

describe("a node's containerd", () => {
  it('is imported, as far as its images are whole and their registries mirrored here', async () => {
    await using fixture = await ImportedCache.open();
    const folder = await node(fixture, {
      'docker.io/library/app:1': image.digest,
      [`docker.io/library/app@${image.digest}`]: image.digest,
      [image.config.digest]: image.digest,
      'registry.example/app:1': image.digest,
      'docker.io/library/cut:1': cut.digest,
    });
    const { images, notes, error } = await fixture.import([`containerd:${folder}`]);
    expect(error).toBeUndefined();
    expect(images.map(({ name, digest }) => [name, digest])).toEqual([
      ['docker.io/library/app:1', image.digest],
    ]);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toBe(
      'registry.example is not mirrored here; this mirror serves docker.io, ghcr.io: left out',
    );
    expect(notes[1]).toMatch(
      /docker\.io\/library\/cut:1 lacks the blob sha256:[a-f0-9]+ and 1 more, and the cache does not have it either: left out$/u,
    );
    expect(await fixture.holds(image)).toBe(true);
  });

  it('is refused where there is none', async () => {
    await using fixture = await ImportedCache.open();
    const { error } = await fixture.import([`containerd:${fixture.folder.path}`]);
    expect(error).toMatch(/io\.containerd\.content\.v1\.content cannot be read \(ENOENT\)$/u);
  });
});
