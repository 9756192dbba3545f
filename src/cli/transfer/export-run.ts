import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { byteSizeText } from '../../base/byte-size.ts';
import { careErrorOf } from '../../cache/care/care-error.ts';
import type { ImageSource } from '../../cache/transfer/image-source.ts';
import type { Digest } from '../../oci/digest.ts';
import { progressOn, type Progress } from '../care/progress.ts';
import type { Terminal } from '../terminal.ts';
import { ArchiveWriter, type ByteSink } from './archive-writer.ts';
import type { ExportDestination } from './export-destination.ts';
import { ExportError, writing } from './export-error.ts';
import {
  planBundle,
  planFolder,
  type ExportPlan,
  type PlannedArchive,
  type WantedImage,
} from './export-plan.ts';
import { saveArchive, type Saved } from './save-archive.ts';

export interface ExportRunDeps {
  readonly source: Pick<ImageSource, 'open'>;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly destination: ExportDestination;
  /** The most bytes of a file. */
  readonly partLength: number;
  /** What earlier bundles have. */
  readonly earlier: ReadonlySet<Digest>;
  /** Takes an archive that goes to the standard output. */
  readonly stdout: ByteSink;
}

/** What became of an image. A line of `--json`. */
export interface ExportResult {
  readonly image: string;
  /** Null: none. */
  readonly file: string | null;
  /** Bytes of the file. */
  readonly bytes: number | null;
  readonly result: Saved | 'failed';
  /** Whether the file lacks what an earlier bundle has. */
  readonly partial: boolean;
  /** Why it failed. */
  readonly reasons: readonly string[];
}

/** Milliseconds between two looks at the progress. */
const progressMs = 250;

/** One export. Fails image by image, unless nothing more can be written. */
export class ExportRun {
  readonly #deps: ExportRunDeps;
  readonly #progress: Progress;
  #done = 0;
  #total = 0;
  #shownAt = performance.now();

  constructor(deps: ExportRunDeps) {
    this.#deps = deps;
    this.#progress = progressOn(deps.terminal);
  }

  /** Yields what becomes of the images. Rejects with ExportError when nothing more can be written. */
  async *run(wanted: readonly WantedImage[]): AsyncGenerator<ExportResult> {
    const { archives, refused } = this.#plan(wanted);
    for (const { image, reasons } of refused) {
      yield { image, file: null, bytes: null, result: 'failed', partial: false, reasons };
    }
    this.#total = archives.reduce((sum, { layout }) => sum + layout.length, 0);
    try {
      for (const archive of archives) yield* this.#write(archive);
    } finally {
      this.#progress.clear();
    }
  }

  #plan(wanted: readonly WantedImage[]): ExportPlan {
    const { destination, earlier } = this.#deps;
    if (destination.kind === 'folder') return planFolder(wanted, earlier);
    const plan = planBundle(destination.kind === 'file' ? destination.name : '-', wanted, earlier);
    // One that lacks an image looks like one that does not.
    return plan.refused.length === 0 ? plan : { ...plan, archives: [] };
  }

  async *#write(archive: PlannedArchive): AsyncGenerator<ExportResult> {
    const { images, layout, name, isPartial: partial } = archive;
    const before = this.#done;
    let outcome: Pick<ExportResult, 'result' | 'reasons'>;
    try {
      outcome = { result: await this.#save(archive), reasons: [] };
    } catch (error) {
      const reason = contentFault(error);
      if (reason === undefined) throw error;
      outcome = { result: 'failed', reasons: [reason] };
    }
    this.#done = before + layout.length;
    this.#progress.clear();
    const isThere = outcome.result !== 'failed';
    const file = isThere && name !== '-' ? `${name}.tar` : null;
    for (const image of images)
      yield { image, file, bytes: isThere ? layout.length : null, partial, ...outcome };
  }

  async #save({ name, layout }: PlannedArchive): Promise<Saved> {
    const { destination, partLength, source, signal, stdout } = this.#deps;
    const onBytes = (bytes: number): void => this.#show(bytes);
    if (destination.kind === 'stdout') {
      await new ArchiveWriter({ source, signal, onBytes }).write(layout, stdout);
      return 'written';
    }
    const folder = destination.kind === 'folder' ? destination.path : destination.folder;
    if (destination.kind === 'folder') {
      await writing(folder, () => mkdir(folder, { recursive: true }));
    }
    return saveArchive(layout, join(folder, `${name}.tar`), partLength, { source, signal, onBytes });
  }

  #show(bytes: number): void {
    this.#done += bytes;
    const now = performance.now();
    if (now - this.#shownAt < progressMs) return;
    this.#shownAt = now;
    this.#progress.show({
      done: this.#done,
      total: this.#total,
      note: `${byteSizeText(this.#done)} of ${byteSizeText(this.#total)}`,
    });
  }
}

/** Why an image could not be read; undefined for an error that ends everything. */
function contentFault(error: unknown): string | undefined {
  if (error instanceof ExportError) return error.kind === 'content' ? error.message : undefined;
  const told = careErrorOf(error);
  return told?.kind === 'failed' ? told.message : undefined;
}
