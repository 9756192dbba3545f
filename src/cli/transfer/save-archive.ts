import type { ArchiveLayout } from '../../archive/archive-layout.ts';
import type { ImageSource } from '../../cache/transfer/image-source.ts';
import { ArchiveChecker } from './archive-checker.ts';
import { ArchiveWriter } from './archive-writer.ts';
import { ExportError } from './export-error.ts';
import { OutputFiles } from './output-files.ts';
import { PartSums } from './part-sums.ts';

export interface SaveArchiveDeps {
  readonly source: Pick<ImageSource, 'open'>;
  readonly signal: AbortSignal;
  /** Told of bytes that are written, or were and seem right; less than 0: they were not. */
  readonly onBytes: (bytes: number) => void;
}

/** `kept`: it was there already, as it should be. */
export type Saved = 'written' | 'kept';

/**
 * Writes an archive to a file, or to several with at most `partLength` bytes each. Goes on where an earlier attempt was
 * cut off.
 *
 * @param path with the ending
 * @throws {ExportError} what was written so far then stays, under other names
 */
export async function saveArchive(
  layout: ArchiveLayout,
  path: string,
  partLength: number,
  deps: SaveArchiveDeps,
): Promise<Saved> {
  const { source, signal, onBytes } = deps;
  await using files = await OutputFiles.open({ path, length: layout.length, partLength });
  const sums = layout.length > partLength ? new PartSums(partLength) : undefined;
  let mark = sums?.mark();
  let checked = 0;
  const checker = new ArchiveChecker({
    signal,
    onBytes: (bytes) => {
      sums?.update(bytes);
      checked += bytes.length;
      onBytes(bytes.length);
    },
    onEntry: () => void (mark = sums?.mark()),
  });
  const { entries, isWhole } = await checker.check(layout, files);
  const verified = isWhole ? layout.length : (layout.entries[entries - 1]?.end ?? 0);
  onBytes(verified - checked);
  if (files.isFinal && !isWhole) {
    throw new ExportError(
      'output',
      `${path} exists and is something else: remove it, or write to another place`,
    );
  }
  if (!isWhole) {
    await files.truncate(verified);
    if (mark !== undefined) sums?.reset(mark);
    const writer = new ArchiveWriter({ source, signal, onBytes });
    const write = async (bytes: Uint8Array): Promise<void> => {
      const written = files.write(bytes);
      sums?.update(bytes);
      await written;
    };
    await writer.write(layout, { write }, entries);
  }
  await files.finish();
  if (sums !== undefined) await files.list(sums.finish());
  return isWhole && files.isFinal ? 'kept' : 'written';
}
