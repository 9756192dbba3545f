import { stat } from 'node:fs/promises';
import { imageReferenceProblem, parseImageReference, type ImageReference } from '../oci/image-reference.ts';
import { thisPlatform } from '../oci/platform.ts';
import { BadFile } from '../references/bad-file.ts';
import { findImages, isNamedFile } from '../references/find-images.ts';
import type { Found } from '../references/found-image.ts';
import { mergeImages, type SelectedImage } from '../references/selected-images.ts';
import { readSourceFile } from '../references/source-file.ts';
import type { Assignment, ImageSelectionOptions } from './image-selection.ts';
import { exclusion, ExclusionError } from './image-exclusion.ts';
import { reportFindings } from './report-findings.ts';
import type { Terminal } from './terminal.ts';

export type { SelectedImage };

export interface ImageSelection {
  /** Each once, ordered by their canonical text. */
  readonly images: readonly SelectedImage[];
  /** Whether every file and reference is good, and with `--strict` everything resolved. */
  readonly isSound: boolean;
}

interface NamedImages {
  readonly images: readonly ImageReference[];
  /** Whether every name is an image. */
  readonly isSound: boolean;
}

/** What a command takes its input from. */
export interface SelectionSources {
  readonly terminal: Terminal;
  readonly stdin: AsyncIterable<Buffer>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const nothing: Found = { images: [], unresolved: [], notes: [], problems: [] };

/**
 * Finds the images that a command line means. What is wrong with it or its files, and what cannot be
 * resolved, is printed to the terminal's `err`.
 */
export async function selectImages(
  names: readonly string[],
  options: ImageSelectionOptions,
  sources: SelectionSources,
): Promise<ImageSelection> {
  const { terminal } = sources;
  if (names.length === 0 && (options.file ?? []).length === 0) {
    terminal.err('entrepot: name images, or files that name them with -f FILE\n');
    return { images: [], isSound: false };
  }
  try {
    const isExcluded = exclusion(options.exclude ?? []);
    const named = await namedImages(names, terminal);
    const found = await findInFiles(options, sources);
    reportFindings(terminal, found);
    const isStrict = options.strict === true && found.unresolved.length > 0;
    return {
      images: mergeImages(named.images, found.images, options.platform ?? [thisPlatform()]).filter(
        ({ reference }) => !isExcluded(reference),
      ),
      isSound: named.isSound && found.problems.length === 0 && !isStrict,
    };
  } catch (error) {
    if (error instanceof BadFile) reportFindings(terminal, { ...nothing, problems: [error] });
    else if (error instanceof ExclusionError) terminal.err(`entrepot: ${error.message}\n`);
    else throw error;
    return { images: [], isSound: false };
  }
}

/** The images of the command line. What is none is printed. */
async function namedImages(names: readonly string[], terminal: Terminal): Promise<NamedImages> {
  const images: ImageReference[] = [];
  for (const name of names) {
    const reference = parseImageReference(name);
    if (await isFileByMistake(name)) terminal.err(`entrepot: ${name} is a file here: give it with -f\n`);
    else if (reference !== undefined) images.push(reference);
    else terminal.err(`entrepot: "${name}" ${imageReferenceProblem(name) ?? 'is no image reference'}\n`);
  }
  return { images, isSound: images.length === names.length };
}

/** Whether a name without a tag is a file that names images: `compose.yaml` could be an image, too. */
async function isFileByMistake(name: string): Promise<boolean> {
  if (/[:@]/u.test(name) || !isNamedFile(name)) return false;
  return await stat(name).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

async function findInFiles(
  options: ImageSelectionOptions,
  { stdin, environment }: SelectionSources,
): Promise<Found> {
  const {
    file = [],
    kind,
    env = [],
    envFile = [],
    profile = [],
    target = [],
    buildArg = [],
    build,
  } = options;
  const { platform = 'all' } = options;
  const own = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const variables = new Map(own);
  const valued = (assignments: readonly Assignment[]): [string, string][] =>
    assignments.flatMap(({ name, value = variables.get(name) }) =>
      value === undefined ? [] : [[name, value]],
    );
  return await findImages(file, {
    kind,
    stdin,
    environment: new Map([...own, ...valued(env)]),
    envFiles: await Promise.all(envFile.map(readSourceFile)),
    profiles: profile,
    targets: target,
    buildArgs: new Map(valued(buildArg)),
    build,
    // Images are built where they are used, and what all platforms are is not known here.
    platforms: platform === 'all' ? [thisPlatform()] : platform,
  });
}
