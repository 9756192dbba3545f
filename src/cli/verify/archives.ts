import { byteSizeText } from '../../base/byte-size.ts';
import { ArchiveError } from '../../archive/read/archive-error.ts';
import { archiveInputs, inputName, type ArchiveInput } from '../../archive/read/archive-inputs.ts';
import type { TakeBlob } from '../../archive/read/archive.ts';
import { openArchive } from '../../archive/read/open-archive.ts';
import { verifyArchive, type ArchiveFault, type VerifiedArchive } from '../../archive/read/verify-archive.ts';
import { DigestVerifier, type Digest } from '../../oci/digest.ts';
import { pluralize } from '../care/format.ts';
import { progressOn, type Progress } from '../care/progress.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { jsonLine } from '../with-services.ts';

interface VerifyArchivesOptions {
  readonly json?: boolean;
}

/** Verifies files with images, without a cache: bundles, and what other tools save. */
export async function verifyArchives(
  paths: readonly string[],
  { json = false }: VerifyArchivesOptions,
  stdin: AsyncIterable<Uint8Array>,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, interrupted } = context;
  const progress = progressOn(terminal);
  let isGood = true;
  const fail = (error: unknown, file: string): void => {
    if (!(error instanceof ArchiveError)) throw error;
    isGood = false;
    if (json) terminal.out(jsonLine({ file, error: error.message }));
    else terminal.err(`entrepot: ${error.message}\n`);
  };
  try {
    for (const input of await archiveInputs(paths)) {
      const file = inputName(input);
      try {
        const verified = await new Verification(context, progress, json).run(input, stdin);
        progress.clear();
        if (verified.faults.length > 0) isGood = false;
        terminal.out(json ? jsonLine({ file, ...verified }) : describe(file, verified));
      } catch (error) {
        fail(error, file);
      }
    }
  } catch (error) {
    if (interrupted.aborted) terminal.err('entrepot: interrupted\n');
    else fail(error, paths.join(', '));
    return exitCode.failure;
  } finally {
    progress.clear();
  }
  return isGood ? exitCode.success : exitCode.failure;
}

/** Of one archive. */
class Verification {
  readonly #context: CommandContext;
  readonly #progress: Progress;
  readonly #json: boolean;
  readonly #taken = new Map<Digest, { readonly size: number; readonly matches: boolean }>();
  #hashed = 0;
  #shownAt: number;

  constructor(context: CommandContext, progress: Progress, json: boolean) {
    this.#context = context;
    this.#progress = progress;
    this.#json = json;
    this.#shownAt = context.clock.monotonic();
  }

  async run(input: ArchiveInput, stdin: AsyncIterable<Uint8Array>): Promise<VerifiedArchive> {
    const warn = (file: string, problem: string): void => {
      if (!this.#json) this.#context.terminal.err(`note: ${file} ${problem}\n`);
    };
    await using archive = await openArchive(input, { stdin, warn, take: this.#take });
    return await verifyArchive(archive, {
      taken: this.#taken,
      note: (entry, problem) => warn(`${archive.file}: ${entry}`, problem),
      onBytes: (bytes) => this.#count(bytes),
      signal: this.#context.interrupted,
    });
  }

  /** Hashes what comes by only once. A damaged blob is named in the end, with the image that needs it. */
  readonly #take: TakeBlob = async ({ digest, size }, bytes) => {
    const verifier = new DigestVerifier(digest);
    for await (const chunk of bytes) {
      this.#context.interrupted.throwIfAborted();
      verifier.update(chunk);
      this.#count(chunk.length);
    }
    this.#taken.set(digest, { size, matches: verifier.matches() });
    return true;
  };

  #count(bytes: number): void {
    this.#hashed += bytes;
    const now = this.#context.clock.monotonic();
    if (now - this.#shownAt < 250) return;
    this.#shownAt = now;
    const note = `hashed ${byteSizeText(this.#hashed)}`;
    this.#progress.show({ done: this.#hashed, total: undefined, note });
  }
}

const faults: Readonly<Record<ArchiveFault['fault'], string>> = {
  missing: 'is missing',
  size: 'has the wrong size',
  damaged: 'is damaged: its bytes are not what its digest says',
};

function describe(file: string, { images, blobs, bytes, omitted, faults: found }: VerifiedArchive): string {
  const lines = found.map(
    ({ entry, fault, image }) =>
      `${file}: ${entry} ${faults[fault]}${image === undefined ? '' : `; ${image} needs it`}\n`,
  );
  const looked = `${file}: ${pluralize(images, 'image')}, hashed ${pluralize(blobs, 'blob')} of ${byteSizeText(bytes)}`;
  const outcome = found.length === 0 ? 'all is well' : `${found.length} damaged or missing`;
  const needs = omitted === 0 ? '' : `; needs ${pluralize(omitted, 'blob')} of an earlier bundle, too`;
  return `${lines.join('')}${looked}: ${outcome}${needs}\n`;
}
