import type { Digest } from '../oci/digest.ts';
import { tarEnd, tarHeader, tarPadding } from './tar.ts';

/** A file in an archive. */
export interface ArchiveEntry {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Its bytes, or where they are found. */
  readonly content: Buffer | Digest;
}

/** An entry at its place. Before its content comes the header, after it zeros up to the end. */
export interface PlacedEntry extends ArchiveEntry {
  /** Bytes of the archive before the header. */
  readonly start: number;
  readonly header: Buffer;
  /** Bytes of the archive up to and with the zeros. */
  readonly end: number;
}

/** Where everything is in a tar. */
export interface ArchiveLayout {
  readonly entries: readonly PlacedEntry[];
  /** Bytes of the archive, {@link tarEnd} included. */
  readonly length: number;
}

/** The same entries make the same layout, so a writer that was cut off can go on. */
export function layOut(entries: readonly ArchiveEntry[]): ArchiveLayout {
  let start = 0;
  const placed = entries.map((entry) => {
    const header = tarHeader(entry.name, entry.size);
    const end = start + header.length + entry.size + tarPadding(entry.size);
    const one = { ...entry, start, header, end };
    start = end;
    return one;
  });
  return { entries: placed, length: start + tarEnd.length };
}
