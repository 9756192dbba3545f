import { z } from 'zod';

/**
 * How the upstream answers: at once, and as fast as it can, where nothing is said. Speeds in bytes a second.
 */
export const paceSchema = z.object({
  /** All connections together. */
  link: z.number().positive().optional(),
  /** Each connection. */
  connection: z.number().positive().optional(),
  /** A round trip, in milliseconds: what each answer waits for, and the first on a connection twice. */
  latency: z.number().positive().optional(),
});
export type Pace = z.infer<typeof paceSchema>;

/** An image that the upstream is to have, as `bench/NAME:latest`. */
export const imageSchema = z.object({
  name: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  /** In bytes: multiples of 512, of at least 2,048. */
  layers: z.array(z.number()).readonly(),
});
export type ImageSpec = z.infer<typeof imageSchema>;

/** What the upstream has sent since its pace was last set, by digest. */
export const sentSchema = z.record(z.string(), z.object({ bytes: z.number(), requests: z.number() }));
export type Sent = z.infer<typeof sentSchema>;
