import { Header } from 'tar/header';

/** A file in a tar. */
export interface TarEntry {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

/** The files of a tar whose names ustar holds, in order. Throws for one that does not end as it must. */
export function tarEntries(tar: Buffer): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  for (let position = 0; ;) {
    const header = new Header(tar.subarray(position, position + 512));
    if (header.nullBlock) {
      const end = tar.subarray(position);
      if (end.length !== 1024 || end.some((byte) => byte !== 0)) throw new Error('the tar ends otherwise');
      return entries;
    }
    const { path = '', size = 0, type, cksumValid } = header;
    if (!cksumValid) throw new Error(`no header at ${position}`);
    const begin = position + 512;
    if (begin + size > tar.length) throw new Error(`${path} is cut off`);
    entries.push({ name: path, type, bytes: tar.subarray(begin, begin + size) });
    position = begin + Math.ceil(size / 512) * 512;
  }
}

/** The JSON in an entry. */
export function jsonIn(entries: readonly TarEntry[], name: string): unknown {
  const entry = entries.find((one) => one.name === name);
  if (entry === undefined) throw new Error(`there is no ${name}`);
  return JSON.parse(entry.bytes.toString()) as unknown;
}
