import { z } from '../../base/zod.ts';
import { inputText, type ReadonlyDeep } from '../../cache/care/schemas.ts';

/*
 * What a Warmer takes and answers, as JSON. Numbers are bytes or counts, null is none. Server and command may
 * have different versions: unknown fields of an answer are dropped, missing ones are an error.
 */

type Output<Schema extends z.ZodType> = ReadonlyDeep<z.infer<Schema>>;

const text = z.string();
const count = z.number();

const wantedImage = z.strictObject({
  /** As `parseImageReference` reads it. */
  reference: inputText,
  /** As `parsePlatforms` reads them: `linux/amd64,linux/arm64`, `all`. */
  platforms: inputText,
  /** Why it is no failure that upstream does not have it, as a clause: `it can be built`. Null: it must. */
  optional: inputText.nullable(),
});
export type WantedImage = Output<typeof wantedImage>;

export const warmOptions = z.strictObject({
  images: z.array(wantedImage).max(100_000),
  /** Whether signatures, bills of materials and whatever else refers to the images is fetched, too. */
  referrers: z.boolean(),
  /** Whether they are exempt from eviction from now on. */
  pin: z.boolean(),
});
export type WarmOptions = Output<typeof warmOptions>;

const failure = z.object({
  /** What could not be fetched: the image, `linux/arm64`, `layer sha256:…`. */
  what: text,
  /** One line for people. */
  reason: text,
});
export type WarmFailure = Output<typeof failure>;

const warmedImage = z.object({
  /** Its canonical reference. */
  image: text,
  /** `absent`: upstream does not have it, which is no failure of an optional image. */
  state: z.enum(['complete', 'absent', 'failed']),
  /** What the reference stands for now. Null when that could not be found out. */
  digest: text.nullable(),
  /** For which it is cached now; none for what is no image. */
  platforms: z.array(text),
  /** Bytes of its blobs that came for this command, and those that were cached before. */
  fetchedBytes: count,
  heldBytes: count,
  /** What is missing, and why. */
  failures: z.array(failure),
  /** What is worth knowing. */
  notes: z.array(text),
});
export type WarmedImage = Output<typeof warmedImage>;

const underWay = z.object({
  image: text,
  /** Of its blobs, those that are here, and all. */
  bytes: count,
  totalBytes: count,
  /** Those on their way: config, layers, attestations. */
  blobs: z.array(z.object({ digest: text, bytes: count, totalBytes: count })),
});

const warmProgress = z.object({
  images: count,
  totalImages: count,
  /** Of the blobs of all images that were looked at so far, those that are here, and all. */
  bytes: count,
  totalBytes: count,
  underWay: z.array(underWay),
});
export type WarmProgress = Output<typeof warmProgress>;

const warmReport = z.object({
  images: count,
  failed: count,
  absent: count,
  fetchedBytes: count,
  heldBytes: count,
});

/** `progress` comes at most a few times a second, `image` for each image when it is done, `report` last. */
export const warmEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), image: text }),
  z.object({
    type: z.literal('resolved'),
    image: text,
    digest: text,
    platforms: z.array(text),
    blobs: count,
    totalBytes: count,
    heldBytes: count,
  }),
  z.object({ type: z.literal('progress'), progress: warmProgress }),
  z.object({ type: z.literal('image'), image: warmedImage }),
  z.object({ type: z.literal('report'), report: warmReport }),
]);
export type WarmEvent = Output<typeof warmEvent>;
