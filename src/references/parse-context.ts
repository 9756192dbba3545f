import type { Platform } from '../oci/platform.ts';
import type { Found } from './found-image.ts';
import type { SourceFile } from './source-file.ts';

/** What is given besides the files, as to the tool that would read them. */
export interface ParseSettings {
  /** Of `--env`, and after that of the process. */
  readonly environment: ReadonlyMap<string, string>;
  /** Of `--env-file`; they come after the environment, and for Compose in place of `.env`. */
  readonly envFiles: readonly SourceFile[];
  /** Compose's profiles. */
  readonly profiles: readonly string[];
  /** Stages of a Dockerfile, or targets of a bake file; none: the default. */
  readonly targets: readonly string[];
  readonly buildArgs: ReadonlyMap<string, string>;
  /** Whether images count that are needed to build others. */
  readonly build: boolean;
  /** What images are built for; at least one. */
  readonly platforms: readonly Platform[];
}

/** What a parser has at hand besides the file. */
export interface ParseContext extends ParseSettings {
  /** Files of the same kind that were named after it, to be laid over it. For kinds with `isLayered` only. */
  readonly overrides: readonly SourceFile[];
  /** Whether the file was found in a folder that was named; else it was named itself. */
  readonly isFromFolder: boolean;
  /**
   * Reads a file that `from` refers to, by its path relative to the folder of `from`. In a folder that was
   * named, it is not looked at again on its own.
   * @throws {BadFile} if it is there and cannot be read
   * @returns undefined where there is no such file
   */
  read(path: string, from: SourceFile): Promise<SourceFile | undefined>;
  /**
   * Reads a file as {@link read} does, of which only a part is used: in a folder that was named, it counts
   * on its own as well.
   * @throws {BadFile}
   */
  consult(path: string, from: SourceFile): Promise<SourceFile | undefined>;
  /** The names in a folder that `from` refers to, in order; undefined where there is no such folder. */
  list(path: string, from: SourceFile): Promise<readonly string[] | undefined>;
}

/**
 * Finds the images in a file of one kind.
 * @throws {BadFile} for a file that is not of this kind at all
 */
export type FileParser = (file: SourceFile, context: ParseContext) => Found | Promise<Found>;
