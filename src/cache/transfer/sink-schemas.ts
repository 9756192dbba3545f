import { z } from '../../base/zod.ts';
import {
  blobSchema,
  descriptorSchema,
  digestSchema,
  repositorySchema,
  tagSchema,
  upstreamSchema,
} from '../../oci/schemas.ts';
import type { ReadonlyDeep } from '../care/schemas.ts';
import type { GivenImage, ImageOutcome } from './content-sink.ts';

/* What a ContentSink takes and answers, as JSON. */

const size = z.int().nonnegative();
const repository = z.strictObject({ upstream: upstreamSchema, name: repositorySchema });

export const lackingRequest = z.strictObject({
  repository: repository.nullable(),
  blobs: z.array(blobSchema),
});

export const lackingBlob = blobSchema.extend({ held: z.boolean(), offset: size });

export const blobOutcome = z.discriminatedUnion('state', [
  z.object({ state: z.enum(['stored', 'held', 'mismatch']) }),
  z.object({ state: z.literal('gap'), offset: size }),
]);

export const imageRequest = z.strictObject({
  repository,
  root: digestSchema,
  /** `bytes` in base 64. */
  manifests: z.array(descriptorSchema.extend({ bytes: z.base64() })),
  tag: z
    .strictObject({ name: tagSchema, checkedAt: z.number().nonnegative(), replaces: z.boolean() })
    .nullable(),
  proven: z.array(digestSchema),
  pin: z.boolean(),
});
type ImageRequest = ReadonlyDeep<z.infer<typeof imageRequest>>;

export const imageOutcome = z.object({
  tag: z.enum(['none', 'new', 'same', 'moved', 'kept']),
  pinned: z.string().nullable(),
});

export function printImage({ manifests, tag, ...image }: GivenImage): ImageRequest {
  return {
    ...image,
    tag: tag ?? null,
    manifests: manifests.map(({ bytes, ...descriptor }) => ({
      ...descriptor,
      bytes: bytes.toString('base64'),
    })),
  };
}

/** The reverse of {@link printImage}. */
export function readImage({ manifests, tag, ...image }: ImageRequest): GivenImage {
  return {
    ...image,
    tag: tag ?? undefined,
    manifests: manifests.map(({ bytes, ...descriptor }) => ({
      ...descriptor,
      bytes: Buffer.from(bytes, 'base64'),
    })),
  };
}

export function printOutcome({ tag, pinned }: ImageOutcome): z.infer<typeof imageOutcome> {
  return { tag, pinned: pinned ?? null };
}
