import { z } from '../base/zod.ts';
import { parseDigest, type Digest } from './digest.ts';
import { parseRepositoryName, parseTag, parseUpstreamName } from './reference.ts';
import type { RepositoryName, Tag, UpstreamName } from './reference.ts';

/* Branded types as they stand in JSON. */

function branded<T extends string>(what: string, parse: (text: string) => T | undefined): z.ZodType<T> {
  return z.custom<T>((value) => typeof value === 'string' && parse(value) === value, `not a valid ${what}`);
}

export const digestSchema = branded<Digest>('digest', parseDigest);
export const upstreamSchema = branded<UpstreamName>('registry', parseUpstreamName);
export const repositorySchema = branded<RepositoryName>('repository', parseRepositoryName);
export const tagSchema = branded<Tag>('tag', parseTag);

const bytes = z.int().nonnegative();

/** A blob by digest, with its size in bytes. */
export const blobSchema = z.object({ digest: digestSchema, size: bytes });

export const descriptorSchema = blobSchema.extend({ mediaType: z.string() });
