import { imageReferenceProblem, parseImageReference } from '../oci/image-reference.ts';
import { BadFile } from './bad-file.ts';
import type { FileKind } from './file-kind.ts';
import type { Found, FoundImage, Remark, Unresolved } from './found-image.ts';
import type { SourceFile } from './source-file.ts';
import { statedPlatform } from './stated-platform.ts';

/** Places of a file that name images; a cluster has some thousands. */
const maxImages = 100_000;

/** Problems of a file that are told one by one. */
const maxProblems = 100;

/** Where a file names an image, and why. */
interface Mention extends Pick<FoundImage, 'line' | 'reason' | 'optional'> {
  /** The only platform that is asked for, where the file says so: `linux/arm64`. */
  readonly platform?: string | undefined;
}

/** Collects what a parser finds in a file. */
export class Findings implements Found {
  readonly images: FoundImage[] = [];
  readonly unresolved: Unresolved[] = [];
  readonly notes: Remark[] = [];
  readonly problems: Remark[] = [];
  readonly #file: string;
  readonly #kind: FileKind;

  constructor({ path }: SourceFile, kind: FileKind) {
    this.#file = path;
    this.#kind = kind;
  }

  /** An image by what the tool would ask for; a problem if that is no reference. */
  addImage(text: string, { platform, ...place }: Mention): void {
    const reference = parseImageReference(text);
    if (reference === undefined) {
      const problem = imageReferenceProblem(text) ?? 'is no image reference';
      this.addProblem(place.line, `"${excerpt(text)}" ${problem}`);
      return;
    }
    const stated = platform === undefined ? undefined : statedPlatform(platform);
    if (platform !== undefined && stated === undefined) {
      const problem = 'is no platform: write it as linux/amd64 or linux/arm/v7';
      this.addProblem(place.line, `"${excerpt(platform)}" ${problem}`);
      return;
    }
    if (this.images.length >= maxImages) {
      const message = `names images in more than ${maxImages} places`;
      throw new BadFile({ file: this.#file, line: undefined, message });
    }
    this.images.push({ ...place, reference, file: this.#file, kind: this.#kind, platform: stated });
  }

  addUnresolved(unresolved: Omit<Unresolved, 'file'>): void {
    this.unresolved.push({ ...unresolved, text: excerpt(unresolved.text), file: this.#file });
  }

  addNote(line: number, message: string): void {
    this.notes.push({ file: this.#file, line, message });
  }

  addProblem(line: number | undefined, message: string): void {
    const { length } = this.problems;
    if (length < maxProblems) this.problems.push({ file: this.#file, line, message });
    else if (length === maxProblems) {
      this.problems.push({
        file: this.#file,
        line,
        message: 'and what comes after it: too many problems to tell',
      });
    }
  }

  /** What another file says that this one uses. */
  addAll({ images, unresolved, notes, problems }: Found): void {
    // There may be more than a call takes arguments.
    for (const image of images) this.images.push(image);
    for (const one of unresolved) this.unresolved.push(one);
    for (const note of notes) this.notes.push(note);
    for (const problem of problems) this.problems.push(problem);
  }
}

/** Enough of a text to recognise it by, on one line. */
function excerpt(text: string): string {
  const line = text.slice(0, 1000).replaceAll(/\s+/gu, ' ');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
