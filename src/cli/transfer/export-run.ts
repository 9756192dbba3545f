import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { careErrorOf } from '../../cache/care/care-error.ts';
import type { ImageSource } from '../../cache/transfer/image-source.ts';
import type { Digest } from '../../oci/digest.ts';
import { transferProgressOn, type TransferProgress } from '../progress/transfer-progress.ts';
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
  readonly clock: Clock;
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
  readonly #progress: TransferProgress;
  #archives: readonly PlannedArchive[] = [];
  /** How many of them are done with. */
  #written = 0;
  /** Their bytes, and those of the one under way. */
  #before = 0;
  #bytes = 0;
  #shownAt: number;

  constructor(deps: ExportRunDeps) {
    this.#deps = deps;
    this.#progress = transferProgressOn(deps.terminal, deps.clock);
    this.#shownAt = deps.clock.monotonic();
  }

  /** Yields what becomes of the images. Rejects with ExportError when nothing more can be written. */
  async *run(wanted: readonly WantedImage[]): AsyncGenerator<ExportResult> {
    const { archives, refused } = this.#plan(wanted);
    for (const { image, reasons } of refused) {
      yield { image, file: null, bytes: null, result: 'failed', partial: false, reasons };
    }
    this.#archives = archives;
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
    if (plan.refused.length === 0) return plan;
    const reasons = ['the file is not written, since not all of its images are complete'];
    const others = plan.archives.flatMap(({ images }) => images.map((image) => ({ image, reasons })));
    return { archives: [], refused: [...plan.refused, ...others] };
  }

  async *#write(archive: PlannedArchive): AsyncGenerator<ExportResult> {
    const { images, layout, name, isPartial: partial } = archive;
    let outcome: Pick<ExportResult, 'result' | 'reasons'>;
    try {
      outcome = { result: await this.#save(archive), reasons: [] };
    } catch (error) {
      const reason = contentFault(error);
      if (reason === undefined) throw error;
      outcome = { result: 'failed', reasons: [reason] };
    }
    this.#written += 1;
    this.#before += layout.length;
    this.#bytes = 0;
    this.#progress.clear();
    const isThere = outcome.result !== 'failed';
    const file = isThere && name !== '-' ? `${name}.tar` : null;
    for (const image of images)
      yield { image, file, bytes: isThere ? layout.length : null, partial, ...outcome };
  }

  async #save({ name, layout }: PlannedArchive): Promise<Saved> {
    const { destination, partLength, source, signal, stdout } = this.#deps;
    const onBytes = (bytes: number): void => this.#count(bytes);
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

  #count(bytes: number): void {
    this.#bytes += bytes;
    const now = this.#deps.clock.monotonic();
    if (now - this.#shownAt < progressMs) return;
    this.#shownAt = now;
    const archive = this.#archives[this.#written];
    this.#progress.show({
      images: this.#written,
      totalImages: this.#archives.length,
      bytes: this.#before + this.#bytes,
      totalBytes: this.#archives.reduce((sum, { layout }) => sum + layout.length, 0),
      underWay:
        archive === undefined
          ? []
          : [{ name: archive.name, bytes: this.#bytes, totalBytes: archive.layout.length, parts: [] }],
    });
  }
}

/** Why an image could not be read; undefined for an error that ends everything. */
function contentFault(error: unknown): string | undefined {
  if (error instanceof ExportError) return error.kind === 'content' ? error.message : undefined;
  const told = careErrorOf(error);
  return told?.kind === 'failed' ? told.message : undefined;
}
