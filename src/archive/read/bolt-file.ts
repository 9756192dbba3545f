/** Bytes before the elements of a page. */
const pageHeader = 16;
const elementLength = 16;
/** Of a bucket, in place of a value. */
const bucketHeader = 16;
const isBranch = 0x01;
const isLeaf = 0x02;
const holdsBucket = 0x01;
const magic = 0xed0cdaed;
/** Deeper than any tree of a file that fits on a disk. */
const maxDepth = 64;

/** Thrown for bytes that are no file of bbolt, or one that was changed while it was read. */
export class BoltError extends Error {
  override readonly name = 'BoltError';
  readonly code = 'BOLT';
}

/** What a key stands for. */
type BoltValue = { readonly bytes: Buffer } | { readonly bucket: BoltBucket };

/** A bucket: keys in byte order. */
export interface BoltBucket {
  entries(): IterableIterator<readonly [key: string, value: BoltValue]>;
}

/**
 * Reads a file of bbolt, which containerd keeps its metadata in. Read-only, and without its lock: what a writer changes in
 * the meantime is noticed as damage at worst.
 * @throws {BoltError}
 * @see https://github.com/etcd-io/bbolt/blob/main/internal/common/page.go
 */
export function readBolt(file: Buffer): BoltBucket {
  const first = readMeta(file, 0);
  const second = readMeta(file, first?.pageSize ?? guessedPageSize(file));
  const [meta] = [first, second]
    .filter((one) => one !== undefined)
    .toSorted((one, other) => Number(other.transaction - one.transaction));
  if (meta === undefined) throw new BoltError('it is no database of containerd');
  return new PagedBucket(file, meta.pageSize, meta.root);
}

interface Meta {
  readonly pageSize: number;
  readonly root: number;
  readonly transaction: bigint;
}

/** One of the two that are written in turn; undefined for one that is not whole. */
function readMeta(file: Buffer, start: number): Meta | undefined {
  const at = start + pageHeader;
  if (file.length < at + 64 || file.readUInt32LE(at) !== magic || file.readUInt32LE(at + 4) !== 2)
    return undefined;
  if (file.readBigUInt64LE(at + 56) !== fnv(file.subarray(at, at + 56))) return undefined;
  const pageSize = file.readUInt32LE(at + 8);
  return {
    pageSize,
    root: Number(file.readBigUInt64LE(at + 16)),
    transaction: file.readBigUInt64LE(at + 48),
  };
}

/** The second meta page says where it is only by being there. */
function guessedPageSize(file: Buffer): number {
  const sizes = [4096, 8192, 16_384, 65_536];
  return sizes.find((size) => readMeta(file, size)?.pageSize === size) ?? 4096;
}

/** FNV-1a of 64 bits. */
function fnv(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/** A bucket with pages of its own, or inside of another one's value. */
class PagedBucket implements BoltBucket {
  readonly #file: Buffer;
  readonly #pageSize: number;
  readonly #root: number | Buffer;

  constructor(file: Buffer, pageSize: number, root: number | Buffer) {
    this.#file = file;
    this.#pageSize = pageSize;
    this.#root = root;
  }

  *entries(): Generator<readonly [string, BoltValue]> {
    try {
      yield* this.#page(typeof this.#root === 'number' ? this.#at(this.#root) : this.#root, 0);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new BoltError('it is damaged, or was changed while it was read', { cause });
    }
  }

  *#page(page: Buffer, depth: number): Generator<readonly [string, BoltValue]> {
    if (depth > maxDepth) throw new RangeError('too deep');
    const flags = page.readUInt16LE(8);
    const count = page.readUInt16LE(10);
    for (let index = 0; index < count; index += 1) {
      const at = pageHeader + index * elementLength;
      if (flags === isBranch) yield* this.#page(this.#at(Number(page.readBigUInt64LE(at + 8))), depth + 1);
      else if (flags === isLeaf) yield this.#element(page, at);
      else throw new RangeError('a page of another kind');
    }
  }

  #element(page: Buffer, at: number): readonly [string, BoltValue] {
    const key = at + page.readUInt32LE(at + 4);
    const value = key + page.readUInt32LE(at + 8);
    const end = value + page.readUInt32LE(at + 12);
    if (end > page.length) throw new RangeError('beyond its page');
    const name = page.toString('utf8', key, value);
    const bytes = page.subarray(value, end);
    if ((page.readUInt32LE(at) & holdsBucket) === 0) return [name, { bytes }];
    const root = Number(bytes.readBigUInt64LE(0));
    const inner = root === 0 ? bytes.subarray(bucketHeader) : root;
    return [name, { bucket: new PagedBucket(this.#file, this.#pageSize, inner) }];
  }

  /** A page, with those that continue it. */
  #at(id: number): Buffer {
    const start = id * this.#pageSize;
    const overflow = this.#file.readUInt32LE(start + 12);
    const end = start + (overflow + 1) * this.#pageSize;
    if (id < 2 || end > this.#file.length) throw new RangeError('beyond the file');
    return this.#file.subarray(start, end);
  }
}
