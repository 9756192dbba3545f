import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const texts = z.record(z.string(), z.string());

const composeCase = z.strictObject({
  name: z.string(),
  /** What the files of the project say, by their paths. */
  files: texts,
  /** Those that are named with -f; none: Compose finds them. */
  inputs: z.array(z.string()).optional(),
  env: texts.optional(),
  envFiles: z.array(z.string()).optional(),
  profiles: z.array(z.string()).optional(),
  /** Images, each with its platform where one is asked for. */
  pulls: z.array(z.string()).optional(),
  models: z.array(z.string()).optional(),
  /** Why Compose refuses the files. */
  refuses: z.string().optional(),
  /** Why it refuses an image when it comes to pull it. */
  fails: z.string().optional(),
  bake: z.record(z.string(), z.unknown()).optional(),
  bakeRefuses: z.string().optional(),
  /** The images that Dockerfiles begin with, built as `bake` says. */
  bases: z.array(z.string()).optional(),
  /** Why Entrepot finds something else than Compose. */
  differs: z.string().optional(),
  /** What it finds then. */
  ours: z.array(z.string()).optional(),
  /** The texts that Entrepot cannot resolve. */
  unresolved: z.array(z.string()).optional(),
});

export type ComposeCase = z.infer<typeof composeCase>;

const folder = new URL('cases/', import.meta.url);

/** Projects and what Docker Compose does with them, by the file in which they stand. */
export const casesByTopic: ReadonlyMap<string, readonly ComposeCase[]> = new Map(
  readdirSync(folder).map((file) => [
    file.replace('.yaml', ''),
    z.array(composeCase).parse(parse(readFileSync(new URL(file, folder), 'utf8'))),
  ]),
);
