import { z } from '../base/zod.ts';
import {
  blobSchema,
  descriptorSchema,
  digestSchema,
  repositorySchema,
  tagSchema,
  upstreamSchema,
} from '../oci/schemas.ts';

/** The entry of an archive that says what an Entrepot needs to know and `index.json` cannot say. */
export const bundleEntry = 'entrepot.json';

/** What this version writes, and the newest that it reads. */
export const bundleVersion = 1;

const bundledImage = z.object({
  /** Full name, for people: `docker.io/library/node:18`. */
  name: z.string(),
  upstream: upstreamSchema,
  repository: repositorySchema,
  /** The tag that pointed to `root`; null for an image that is known by its digest only. */
  tag: tagSchema.nullable(),
  /** What the tag pointed to: often an index, even where only one of its images is here. */
  root: descriptorSchema,
  /** The manifest that this one refers to, of a signature and the like. Null: none. */
  subject: digestSchema.nullable(),
  /** The platforms that it was exported for: `linux/amd64`. Null: all that it has. */
  platforms: z.array(z.string()).nullable(),
  /** Whether it was pinned. */
  pinned: z.boolean(),
  /** Its manifests among `blobs`, the root first. */
  manifests: z.array(descriptorSchema),
});
export type BundledImage = z.infer<typeof bundledImage>;

/**
 * What an archive holds: its file `entrepot.json`. From it follows where each byte of the archive is, and what another
 * Entrepot has to restore. It holds no time and no name of a machine: the same content makes the same bytes.
 */
const bundleSchema = z.object({
  version: z.literal(bundleVersion),
  images: z.array(bundledImage),
  /** The files below `blobs/`, in their order in the archive. Manifests come first. */
  blobs: z.array(blobSchema),
  /** What its images need, and an earlier bundle has. */
  omitted: z.array(blobSchema),
});
export type Bundle = z.infer<typeof bundleSchema>;

/** Thrown for an `entrepot.json` that is none. */
export class BundleSyntaxError extends Error {
  override readonly name = 'BundleSyntaxError';
  readonly code = 'BUNDLE_SYNTAX';
}

/** @throws {BundleSyntaxError} also for one of a newer version */
export function readBundle(bytes: Uint8Array): Bundle {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new BundleSyntaxError(`${bundleEntry} is not JSON`, { cause });
  }
  const { data: stated } = z.object({ version: z.int() }).safeParse(json);
  if (stated !== undefined && stated.version > bundleVersion) {
    throw new BundleSyntaxError(`${bundleEntry} is of version ${stated.version}: a newer Entrepot reads it`);
  }
  const read = bundleSchema.safeParse(json);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new BundleSyntaxError(`${bundleEntry}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, {
    cause: read.error,
  });
}

/** The bytes of `entrepot.json`. */
export function printBundle(bundle: Bundle): Buffer {
  return Buffer.from(`${JSON.stringify(bundle, undefined, 1)}\n`);
}
