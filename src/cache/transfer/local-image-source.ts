import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import { parsePlatforms, PlatformSyntaxError, type Platforms } from '../../oci/platform.ts';
import type { BlobReader, ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { CareError } from '../care/care-error.ts';
import type { ImageNames } from '../care/image-names.ts';
import type { InUse } from '../in-use.ts';
import type { Pins } from '../space/pins.ts';
import { ContentsReader, type ImageRoot } from './contents-reader.ts';
import type { ByteSource, ImageSource } from './image-source.ts';
import type { ImageContents, ImagesItem, ImagesRequest } from './schemas.ts';

export interface LocalImageSourceDeps {
  readonly content: Pick<ContentStore, 'open' | 'size'>;
  readonly metadata: Pick<MetadataStore, 'anyManifest' | 'manifest' | 'manifestsOfSubject' | 'tag'>;
  readonly names: ImageNames;
  readonly pins: Pins;
  readonly inUse: InUse;
  readonly clock: Clock;
}

/** Milliseconds between two signs of life, at which a reader that went away is noticed. */
const aliveMs = 1000;

/** Reads images from the stores of this process. */
export class LocalImageSource implements ImageSource {
  readonly #deps: LocalImageSourceDeps;
  readonly #contents: ContentsReader;

  constructor(deps: LocalImageSourceDeps) {
    this.#deps = deps;
    this.#contents = new ContentsReader(deps);
  }

  async *images({ images, referrers }: ImagesRequest): AsyncGenerator<ImagesItem> {
    using held = new DisposableStack();
    for (const { image, platforms } of images) {
      const wanted = platformsIn(platforms);
      const root = await this.#root(image);
      if (root === undefined) {
        yield { image, absent: true };
        continue;
      }
      const contents = await this.#held(held, root, wanted, image);
      yield contents;
      if (!referrers) continue;
      const subjects = contents.manifests.map(({ digest }) => digest);
      for await (const referrer of this.#contents.referrers(root.repository, subjects)) {
        yield await this.#held(held, referrer, 'all');
      }
    }
    for (;;) {
      yield null;
      await this.#deps.clock.sleep(aliveMs);
    }
  }

  async open(digest: Digest, offset = 0): Promise<ByteSource | undefined> {
    const { content, inUse, metadata } = this.#deps;
    using holding = new DisposableStack();
    holding.use(inUse.hold(digest));
    const reader = await content.open(digest);
    if (reader !== undefined) return new BlobBytes(reader, offset, holding.move());
    const manifest = await metadata.anyManifest(digest);
    return manifest && new ManifestBytes(manifest.bytes, offset);
  }

  /** Reads it again once it is held: what was evicted until then is not there any more. */
  async #held(
    held: DisposableStack,
    root: ImageRoot,
    platforms: Platforms,
    image?: string,
  ): Promise<ImageContents> {
    for (const { blobs } of (await this.#contents.read(root, platforms)).manifests) {
      for (const { digest } of blobs) held.use(this.#deps.inUse.hold(digest));
    }
    return this.#contents.read(root, platforms, image);
  }

  async #root(image: string): Promise<ImageRoot | undefined> {
    const { names, metadata } = this.#deps;
    const { repositories, reference, tag } = names.read(image);
    for (const repository of repositories) {
      const tagged = tag && (await metadata.tag(repository, tag));
      const digest = 'digest' in reference ? reference.digest : tagged?.digest;
      const manifest = digest && (await metadata.manifest(repository, digest));
      if (manifest === undefined) continue;
      return { repository, manifest, tag: tagged?.digest === digest ? tag : undefined };
    }
    return undefined;
  }
}

/** @throws {CareError} `invalid` */
function platformsIn(text: string): Platforms {
  try {
    return parsePlatforms(text);
  } catch (error) {
    if (!(error instanceof PlatformSyntaxError)) throw error;
    throw new CareError('invalid', error.message, { cause: error });
  }
}

class BlobBytes implements ByteSource {
  readonly size: number;
  readonly #reader: BlobReader;
  readonly #held: Disposable;
  #position: number;

  constructor(reader: BlobReader, offset: number, held: Disposable) {
    this.size = reader.size;
    this.#reader = reader;
    this.#position = offset;
    this.#held = held;
  }

  async read(buffer: Uint8Array): Promise<number> {
    const read = await this.#reader.read(buffer, buffer.length, this.#position);
    this.#position += read;
    return read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _ = this.#held;
    await this.#reader.close();
  }
}

class ManifestBytes implements ByteSource {
  readonly size: number;
  #rest: Buffer;

  constructor(bytes: Buffer, offset: number) {
    this.size = bytes.length;
    this.#rest = bytes.subarray(offset);
  }

  read(buffer: Uint8Array): Promise<number> {
    const read = this.#rest.copy(buffer);
    this.#rest = this.#rest.subarray(read);
    return Promise.resolve(read);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
