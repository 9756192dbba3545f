import type { Digest } from '../../oci/digest.ts';

/** A regular file of an archive; links are followed. */
export interface ArchiveFile {
  /** Its own name, whatever link led to it. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/** Files by name, out of a tar or a folder. Nothing is unpacked. Everything rejects with ArchiveError. */
export interface Archive extends AsyncDisposable {
  /** As its user calls it. */
  readonly file: string;
  /** Names of files and links, for archives whose names are not known before. */
  readonly names: Iterable<string>;
  /** @throws {ArchiveError} for a link that leads nowhere */
  find(name: string): Promise<ArchiveFile | undefined>;
  /**
   * All bytes of a small file; undefined when there is none.
   * @param most bytes that it may have
   */
  read(name: string, most: number): Promise<Buffer | undefined>;
  /** Whether the bytes of a file can still be read: those of a pipe may have come by. */
  canOpen(name: string): Promise<boolean>;
  /** The bytes of a file from an offset on. A chunk is good until the next is asked for. */
  open(name: string, offset: number): AsyncIterable<Uint8Array>;
  /** SHA-256 of a file. */
  digest(name: string): Promise<Digest>;
}

/** Takes a blob whose bytes come only once. Verifies them: false when they do not hash to the digest. */
export type TakeBlob = (
  blob: { readonly digest: Digest; readonly size: number },
  bytes: AsyncIterable<Uint8Array>,
) => Promise<boolean>;

/** The largest file whose bytes are read into memory: manifests, configs, and lists of them. */
export const maxDocumentBytes = 4 * 1024 * 1024;
