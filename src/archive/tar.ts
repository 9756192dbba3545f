import { Header } from 'tar/header';
import { Pax } from 'tar/pax';

/** Bytes of a block: headers are whole blocks, and contents are filled up to them. */
const blockLength = 512;

/** What a tar ends with. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockLength);

/**
 * The header of a plain file in a tar, in POSIX ustar: owned by root, readable by all, of 1970. Sizes from 8 GiB are
 * in base 256, as GNU's and Go's tar have them; names that ustar cannot hold, such as of a SHA-512, need a PAX header.
 */
export function tarHeader(name: string, size: number): Buffer {
  const fields = { path: name, mode: 0o644, uid: 0, gid: 0, size, mtime: new Date(0) };
  const header = new Header({ ...fields, type: 'File' });
  const block = Buffer.alloc(blockLength);
  header.encode(block);
  const readBack = new Header(block).path;
  return readBack === name ? block : Buffer.concat([new Pax({ path: name }).encode(), block]);
}

/** How many zero bytes follow a content of that size. */
export function tarPadding(size: number): number {
  return (blockLength - (size % blockLength)) % blockLength;
}
