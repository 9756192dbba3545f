import { z } from '../../base/zod.ts';
import {
  descriptorSchema,
  digestSchema,
  repositorySchema,
  tagSchema,
  upstreamSchema,
} from '../../oci/schemas.ts';
import { inputText, type ReadonlyDeep } from '../care/schemas.ts';

/* What is read from a cache for another place, as JSON. */

export const imagesRequest = z.strictObject({
  images: z.array(
    z.strictObject({
      /** `docker.io/library/node:18`, `ghcr.io/a/b@sha256:…` */
      image: inputText,
      /** As `--platform` takes it: `linux/amd64,linux/arm64`, or `all`. */
      platforms: inputText,
    }),
  ),
  /** Whether signatures and the like that are cached for an image follow it, as images of their own. */
  referrers: z.boolean(),
});
export type ImagesRequest = ReadonlyDeep<z.infer<typeof imagesRequest>>;

const blobPart = descriptorSchema.extend({
  kind: z.enum(['config', 'layer']),
  /** Clients fetch it from elsewhere: it need not be cached. */
  foreign: z.boolean(),
  /** Bytes that are cached of it; null: none. */
  stored: z.int().nonnegative().nullable(),
});
export type BlobPart = ReadonlyDeep<z.infer<typeof blobPart>>;

const manifestPart = descriptorSchema.extend({
  /** `artifact`: neither of the others, such as a chart. */
  kind: z.enum(['index', 'image', 'attestation', 'artifact']),
  /** As the index states it. */
  platform: z.string().nullable(),
  cached: z.boolean(),
  /** None as long as it is not cached. */
  blobs: z.array(blobPart),
});
export type ManifestPart = ReadonlyDeep<z.infer<typeof manifestPart>>;

/** A cached image, as far as it is wanted for some platforms. */
const imageContents = z.object({
  /** As it was asked for; of a referrer its name. */
  image: z.string(),
  upstream: upstreamSchema,
  repository: repositorySchema,
  /** The tag that points to the root. */
  tag: tagSchema.nullable(),
  /** The image that it refers to; null for one that was asked for. */
  subject: digestSchema.nullable(),
  pinned: z.boolean(),
  /** Whether everything that its indexes list was wanted. */
  whole: z.boolean(),
  /** Wanted platforms that its index does not have. */
  lacking: z.array(z.string()),
  /** The root first, and each manifest before those that it lists; each once. */
  manifests: z.tuple([manifestPart], manifestPart),
});
export type ImageContents = ReadonlyDeep<z.infer<typeof imageContents>>;

/** Of an image that is not cached. */
const absentImage = z.object({ image: z.string(), absent: z.literal(true) });
export type AbsentImage = ReadonlyDeep<z.infer<typeof absentImage>>;

/** Null comes now and then after the last image, as long as the content is kept from eviction. */
export const imagesItem = z.union([absentImage, imageContents]).nullable();
export type ImagesItem = AbsentImage | ImageContents | null;
