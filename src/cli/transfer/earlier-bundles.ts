import type { Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Header } from 'tar/header';
import { layOut } from '../../archive/archive-layout.ts';
import { bundleEntry, BundleSyntaxError, readBundle, type Bundle } from '../../archive/bundle.ts';
import { blobPath } from '../../archive/blob-path.ts';
import { tarPadding } from '../../archive/tar.ts';
import type { Digest } from '../../oci/digest.ts';
import { unlessMissing } from '../../store/file-error.ts';
import { ExportError } from './export-error.ts';

/** A bundle's file, or its parts in order. */
type Parts = readonly { readonly path: string; readonly size: number }[];

/** Entries before which `entrepot.json` stands. */
const frontEntries = 8;

/**
 * The blobs that earlier bundles have: each a file, one of its parts, or a folder with several. Only what they say is
 * read, and whether they are as long as they must be.
 * @throws {ExportError}
 */
export async function blobsOfBundles(paths: readonly string[]): Promise<ReadonlySet<Digest>> {
  const digests = new Set<Digest>();
  for (const path of paths) {
    for (const parts of await bundlesAt(path)) {
      for (const { digest } of (await readFront(parts)).blobs) digests.add(digest);
    }
  }
  return digests;
}

async function bundlesAt(path: string): Promise<readonly Parts[]> {
  const isFolder = (await stats(path))?.isDirectory() ?? false;
  if (!isFolder) return [await partsOf(path)];
  const names = (await readdir(path)).filter((name) => /\.tar(?:\.001)?$/.test(name)).toSorted();
  if (names.length === 0) throw new ExportError('output', `${path} holds no bundle`);
  return Promise.all(names.map((name) => partsOf(join(path, name))));
}

async function partsOf(path: string): Promise<Parts> {
  const [, base = path] = /^(.*)\.\d{3,}$/.exec(path) ?? [];
  const whole = await stats(base);
  if (whole?.isFile()) return [{ path: base, size: whole.size }];
  const parts: { path: string; size: number }[] = [];
  for (;;) {
    const part = `${base}.${String(parts.length + 1).padStart(3, '0')}`;
    const found = await stats(part);
    if (found === undefined) break;
    parts.push({ path: part, size: found.size });
  }
  if (parts.length === 0) throw new ExportError('output', `there is no bundle ${path}`);
  return parts;
}

/** Reads `entrepot.json`, which is near the beginning. */
async function readFront(parts: Parts): Promise<Bundle> {
  const [{ path } = { path: '' }] = parts;
  const length = parts.reduce((sum, { size }) => sum + size, 0);
  let position = 0;
  for (let count = 0; count < frontEntries; count += 1) {
    const header = headerIn(await readPart(parts, position, 512));
    if (header === undefined) break;
    const begin = position + 512;
    position = begin + header.size + tarPadding(header.size);
    if (header.path !== bundleEntry) continue;
    const bundle = bundleIn(path, await readPart(parts, begin, header.size));
    const blobs = bundle.blobs.map(({ digest, size }) => ({ name: blobPath(digest), size, content: digest }));
    if (position + layOut(blobs).length > length) throw new ExportError('output', `${path} is cut off`);
    return bundle;
  }
  throw new ExportError(
    'output',
    `${path} is no bundle of Entrepot's: it has no ${bundleEntry} at its beginning`,
  );
}

function headerIn(block: Buffer): { readonly path: string; readonly size: number } | undefined {
  if (block.length < 512) return undefined;
  const { path, size, cksumValid } = new Header(block);
  return !cksumValid || path === undefined || size === undefined ? undefined : { path, size };
}

function bundleIn(path: string, bytes: Buffer): Bundle {
  try {
    return readBundle(bytes);
  } catch (error) {
    if (!(error instanceof BundleSyntaxError)) throw error;
    throw new ExportError('output', `${path}: ${error.message}`, { cause: error });
  }
}

/** Up to `length` bytes from `position` of all parts together. */
async function readPart(parts: Parts, position: number, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let start = 0;
  for (const { path, size } of parts) {
    const from = Math.max(position - start, 0);
    const to = Math.min(position + length - start, size);
    if (from < to) {
      const piece = Buffer.alloc(to - from);
      await using file = await open(path);
      const { bytesRead } = await file.read(piece, 0, piece.length, from);
      pieces.push(piece.subarray(0, bytesRead));
    }
    start += size;
  }
  return Buffer.concat(pieces);
}

function stats(path: string): Promise<Stats | undefined> {
  return unlessMissing(stat(path));
}
