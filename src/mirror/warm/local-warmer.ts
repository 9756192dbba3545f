import { CareError } from '../../cache/care/care-error.ts';
import { imageReferenceProblem, imageReferenceText, parseImageReference } from '../../oci/image-reference.ts';
import { parsePlatforms, PlatformSyntaxError, type Platforms } from '../../oci/platform.ts';
import type { WantedImage as NamedImage, WarmEvent, WarmOptions } from './schemas.ts';
import { WarmRun, type WantedImage, type WarmRunDeps } from './warm-run.ts';
import type { Warmer } from './warmer.ts';

/** The warmer in the process that has the data folder: images come by the same fills as clients' pulls. */
export class LocalWarmer implements Warmer {
  readonly #deps: WarmRunDeps;

  constructor(deps: WarmRunDeps) {
    this.#deps = deps;
  }

  async *warm({ images, ...options }: WarmOptions): AsyncGenerator<WarmEvent> {
    const wanted = new Map(images.map(read).map((image) => [imageReferenceText(image.reference), image]));
    yield* new WarmRun(this.#deps, [...wanted.values()], options).events();
  }
}

/** @throws {CareError} */
function read({ reference: text, platforms, optional }: NamedImage): WantedImage {
  const reference = parseImageReference(text);
  if (reference === undefined)
    throw new CareError('invalid', `${text} ${imageReferenceProblem(text) ?? 'is no image reference'}`);
  return { reference, platforms: readPlatforms(platforms), optional };
}

/** @throws {CareError} */
function readPlatforms(text: string): Platforms {
  try {
    return parsePlatforms(text);
  } catch (error) {
    if (error instanceof PlatformSyntaxError) throw new CareError('invalid', error.message, { cause: error });
    throw error;
  }
}
