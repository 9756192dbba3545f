import { z } from '../../base/zod.ts';
import { digestSchema } from '../../oci/schemas.ts';
import { inputText, type ReadonlyDeep } from '../care/schemas.ts';

/* Whether images are whole in a cache, as JSON. */

export const sealRequest = z.strictObject({
  /** As in the request of images that are read. */
  images: z.array(z.strictObject({ image: inputText, platforms: inputText })),
  /** Looks at sizes, and hashes nothing. */
  quick: z.boolean(),
});
export type SealRequest = ReadonlyDeep<z.infer<typeof sealRequest>>;

const sealFault = z.enum([
  /** Nothing of the image is cached. */
  'absent',
  /** It has nothing for a platform. */
  'platform',
  /** A part is not cached. */
  'missing',
  /** A part has another size than its manifest states. */
  'size',
  /** The bytes of a part do not match its digest. */
  'damaged',
]);

const sealFinding = z.object({
  image: z.string(),
  /** As its index states it. */
  platform: z.string().nullable(),
  /** Null: of the image as a whole. */
  digest: digestSchema.nullable(),
  what: z.enum(['image', 'index', 'manifest', 'attestation', 'config', 'layer']),
  fault: sealFault,
});
export type SealFinding = ReadonlyDeep<z.infer<typeof sealFinding>>;

const sealReport = z.object({
  /** Those that were asked for, and those of them that are whole. */
  images: z.int(),
  sealed: z.int(),
  /** Distinct blobs and manifests, and their bytes. */
  parts: z.int(),
  bytes: z.int(),
});
export type SealReport = ReadonlyDeep<z.infer<typeof sealReport>>;

/** `progress` comes at most a few times a second, in bytes that are hashed; `report` is the last. */
export const sealEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), bytes: z.int(), totalBytes: z.int() }),
  z.object({ type: z.literal('finding'), finding: sealFinding }),
  z.object({ type: z.literal('report'), report: sealReport }),
]);
export type SealEvent = ReadonlyDeep<z.infer<typeof sealEvent>>;
