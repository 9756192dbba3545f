import { createHash } from 'node:crypto';
import { parseDigest, type Digest } from '../../src/oci/digest.ts';

/** Bytes that are named by their digest, and sent in pieces. */
export interface Content {
  readonly size: number;
  /** Up to `limit` bytes from `start` on; at least one, unless `start` is the end. */
  read(start: number, limit: number): Buffer;
}

/** Content that is held in memory. */
export class HeldContent implements Content {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  read(start: number, limit: number): Buffer {
    return this.#bytes.subarray(start, start + limit);
  }
}

const blockSize = 512;
const fileMode = '0000644\0';
const nobody = '0000000\0';

/** Two empty blocks end a tar archive. */
const trailer = Buffer.alloc(2 * blockSize);

/** The header of a file in a tar archive (ustar, as POSIX pax(1) has it). */
function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(blockSize);
  header.write(name, 0);
  header.write(fileMode, 100);
  header.write(nobody, 108);
  header.write(nobody, 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write(`${'0'.repeat(11)}\0`, 136);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  // The checksum is taken with spaces in its own place.
  header.write(' '.repeat(8), 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/**
 * A layer that takes no memory, whatever its size: a tar archive with one file of random bytes, which repeat.
 * Nothing on the way can compress them: the period is far beyond any window.
 */
export class Layer implements Content {
  readonly size: number;
  readonly #header: Buffer;
  readonly #noise: Buffer;

  /**
   * @param size a multiple of 512, at least 2,048
   * @param name of the file; layers of different names have different digests
   * @param noise the bytes that repeat
   */
  constructor(size: number, name: string, noise: Buffer) {
    if (size % blockSize !== 0 || size < 4 * blockSize)
      throw new RangeError(`not the size of a layer: ${size}`);
    this.size = size;
    this.#noise = noise;
    this.#header = tarHeader(name, size - blockSize - trailer.length);
  }

  read(start: number, limit: number): Buffer {
    if (start < blockSize) return this.#header.subarray(start, start + limit);
    const fileEnd = this.size - trailer.length;
    if (start >= fileEnd) return trailer.subarray(start - fileEnd, start - fileEnd + limit);
    const offset = (start - blockSize) % this.#noise.length;
    return this.#noise.subarray(offset, offset + Math.min(limit, fileEnd - start));
  }
}

/** Reads all of it, once. */
export function digestOfContent(content: Content): Digest {
  const hash = createHash('sha256');
  for (let position = 0; position < content.size;) {
    const piece = content.read(position, 2 ** 20);
    hash.update(piece);
    position += piece.length;
  }
  const digest = parseDigest(`sha256:${hash.digest('hex')}`);
  if (digest === undefined) throw new Error('SHA-256 gave no digest');
  return digest;
}
